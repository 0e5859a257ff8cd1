#include "dualsync/middleware/observed_write.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dualsync/codec/document_key.h"
#include "dualsync/middleware/command_fields.h"
#include "dualsync/middleware/filter_ids.h"

namespace dualsync {
namespace {

std::optional<TransactionRef> transaction_of(std::string_view command) {
  bson_iter_t autocommit;
  if (!find_field(command, "autocommit", &autocommit) || bson_iter_as_bool(&autocommit)) return std::nullopt;
  return TransactionRef{std::string(document_in(command, "lsid")), number_in(command, "txnNumber", 0)};
}

// Reads one command into the write.
class CommandReader {
 public:
  CommandReader(std::string_view database, std::string_view command, ObservedWrite* write)
      : database_(database), command_(command), write_(*write) {}

  void insert() {
    for_each_document(command_, "documents", [this](std::string_view document) { inserted(0, document); });
  }

  void update() {
    for_each_document(command_, "updates",
                      [this](std::string_view one) { filtered(0, one, "q", bool_in(one, "multi", false)); });
  }

  void erase() {
    for_each_document(command_, "deletes",
                      [this](std::string_view one) { filtered(0, one, "q", number_in(one, "limit", 0) == 0); });
  }

  void find_and_modify() {
    filtered(0, command_, "query", false);
    // A projection may leave the `_id` out, or put something else in its place.
    bson_iter_t id;
    write_.shows_id = !find_field(document_in(command_, "fields"), "_id", &id) || BSON_ITER_HOLDS_BOOL(&id) ||
                      BSON_ITER_HOLDS_NUMBER(&id);
  }

  void bulk() {
    write_.namespaces.clear();
    for_each_document(command_, "nsInfo", [this](std::string_view info) {
      write_.namespaces.push_back(Namespace::parse(text_in(info, "ns")));
    });
    for_each_document(command_, "ops", [this](std::string_view op) { bulk_op(op); });
  }

  void whole(Namespace ns) { write_.namespaces.push_back(std::move(ns)); }

  // $out and $merge are the last stage, if they are there.
  bool aggregate() {
    std::string_view last;
    for_each_document(command_, "pipeline", [&last](std::string_view stage) { last = stage; });
    bson_iter_t target;
    if (find_field(last, "$out", &target)) return output(target);
    if (!find_field(last, "$merge", &target)) return false;
    bson_iter_t into;
    const auto merge = iter_document(target);
    return output(merge && find_field(*merge, "into", &into) ? into : target);
  }

  bool map_reduce() {
    bson_iter_t out;
    if (!find_field(command_, "out", &out)) return false;
    if (iter_string(out)) return output(out);
    const std::string_view options = iter_document(out).value_or(std::string_view());
    const std::string other = text_in(options, "db");
    for (const char* action : {"replace", "merge", "reduce"}) {
      if (const std::string name = text_in(options, action); !name.empty()) {
        whole({other.empty() ? std::string(database_) : other, name});
        return true;
      }
    }
    return false;
  }

 private:
  bool output(const bson_iter_t& target) {
    if (const auto name = iter_string(target)) {
      whole({std::string(database_), std::string(*name)});
      return true;
    }
    const std::string_view place = iter_document(target).value_or(std::string_view());
    const std::string db = text_in(place, "db");
    whole({db.empty() ? std::string(database_) : db, text_in(place, "coll")});
    return true;
  }

  void inserted(std::uint32_t ns, std::string_view document) {
    std::string key = id_key_of(document);
    write_.statements.push_back({ns, !key.empty(), false});
    if (!key.empty()) write_.keys.push_back({last(), std::move(key)});
  }

  void filtered(std::uint32_t ns, std::string_view statement, const char* filter, bool multi) {
    auto keys = ids_of_filter(document_in(statement, filter), !document_in(statement, "collation").empty());
    write_.statements.push_back({ns, keys.has_value(), multi});
    if (!keys) return;
    for (std::string& key : *keys) write_.keys.push_back({last(), std::move(key)});
  }

  void bulk_op(std::string_view op) {
    for (const char* name : {"insert", "update", "delete"}) {
      const std::int64_t ns = number_in(op, name, -1);
      if (ns < 0 || static_cast<std::size_t>(ns) >= write_.namespaces.size()) continue;
      if (*name == 'i') {
        inserted(static_cast<std::uint32_t>(ns), document_in(op, "document"));
      } else {
        filtered(static_cast<std::uint32_t>(ns), op, "filter", bool_in(op, "multi", false));
      }
      return;
    }
  }

  std::uint32_t last() const { return static_cast<std::uint32_t>(write_.statements.size() - 1); }

  const std::string_view database_;
  const std::string_view command_;
  ObservedWrite& write_;
};

// Value of the field that names the command: the collection.
std::string collection_of(std::string_view command) {
  bson_iter_t first;
  if (!iterate_bson(command, &first) || !bson_iter_next(&first)) return "";
  return std::string(iter_string(first).value_or(""));
}

using Kind = ObservedWrite::Kind;

// False: it changes nothing that a backup holds.
bool read_whole(std::string_view name, std::string_view database, std::string_view command, ObservedWrite* write) {
  CommandReader read(database, command, write);
  if (name == "aggregate") return read.aggregate();
  if (name == "mapReduce" || name == "mapreduce") return read.map_reduce();
  if (name == "dropDatabase") {
    read.whole({std::string(database), ""});
  } else if (name == "renameCollection") {
    read.whole(Namespace::parse(collection_of(command)));
    read.whole(Namespace::parse(text_in(command, "to")));
  } else if (name == "drop" || name == "convertToCapped") {
    read.whole({std::string(database), collection_of(command)});
  } else {
    return false;
  }
  return true;
}

bool read_documents(std::string_view name, std::string_view database, std::string_view command, ObservedWrite* write) {
  constexpr std::array<std::pair<std::string_view, Kind>, 6> kCommands{{{"insert", Kind::kInsert},
                                                                        {"update", Kind::kUpdate},
                                                                        {"delete", Kind::kDelete},
                                                                        {"findAndModify", Kind::kFindAndModify},
                                                                        {"findandmodify", Kind::kFindAndModify},
                                                                        {"bulkWrite", Kind::kBulk}}};
  const auto* const found =
      std::find_if(kCommands.begin(), kCommands.end(), [name](const auto& one) { return one.first == name; });
  if (found == kCommands.end()) return false;
  write->kind = found->second;
  write->ordered = bool_in(command, "ordered", true);
  write->namespaces.push_back({std::string(database), collection_of(command)});
  CommandReader read(database, command, write);
  switch (write->kind) {
    case Kind::kInsert: read.insert(); break;
    case Kind::kUpdate: read.update(); break;
    case Kind::kDelete: read.erase(); break;
    case Kind::kFindAndModify: read.find_and_modify(); break;
    case Kind::kBulk: read.bulk(); break;
    case Kind::kWhole: break;
  }
  return true;
}

}  // namespace

std::optional<ObservedWrite> observe_write(std::string_view command_name, std::string_view database,
                                           std::string_view command) {
  std::optional<ObservedWrite> write(std::in_place);
  if (!read_documents(command_name, database, command, &*write) &&
      !read_whole(command_name, database, command, &*write))
    return std::nullopt;
  write->transaction = transaction_of(command);
  write->acknowledged = number_in(document_in(command, "writeConcern"), "w", 1) != 0;
  return write;
}

std::optional<ObservedEnd> observe_end(std::string_view command_name, std::string_view command) {
  const bool commit = command_name == "commitTransaction";
  if (!commit && command_name != "abortTransaction") return std::nullopt;
  auto transaction = transaction_of(command);
  if (!transaction) return std::nullopt;
  return ObservedEnd{std::move(*transaction), commit};
}

}  // namespace dualsync
