#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "dualsync/codec/document_key.h"
#include "dualsync/middleware/command_fields.h"
#include "dualsync/middleware/observed_write.h"

namespace dualsync {
namespace {

// Which statements changed something, and for which of them the reply names the document.
class Outcome {
 public:
  explicit Outcome(const ObservedWrite& write) : write_(write), changed_(write.statements.size(), true) {}

  void nothing() { std::fill(changed_.begin(), changed_.end(), false); }

  // A refused statement changed nothing, unless it was half done; after it, an ordered command runs no further.
  void failed(std::int64_t statement) {
    if (!is_one(statement)) return;
    const auto at = static_cast<std::size_t>(statement);
    if (!write_.statements[at].multi) changed_[at] = false;
    if (!write_.ordered) return;
    for (std::size_t i = at + 1; i < changed_.size(); ++i) changed_[i] = false;
  }

  // It changed this document and no other.
  void only(std::int64_t statement, std::string key) {
    if (!is_one(statement) || key.empty()) return;
    changed_[static_cast<std::size_t>(statement)] = true;
    named_[static_cast<std::size_t>(statement)] = std::move(key);
  }

  ReportedChanges changes() const {
    ReportedChanges all;
    for (const ObservedWrite::Key& key : write_.keys) {
      if (changed_[key.statement]) all.documents.push_back({namespace_of(key.statement), key.document_key});
    }
    for (const auto& [statement, key] : named_) all.documents.push_back({namespace_of(statement), key});
    std::set<std::uint32_t> ranges;
    for (std::size_t i = 0; i < changed_.size(); ++i) {
      if (changed_[i] && !write_.statements[i].known && !named_.contains(i)) ranges.insert(write_.statements[i].ns);
    }
    for (const std::uint32_t ns : ranges) all.ranges.push_back(write_.namespaces[ns]);
    return all;
  }

 private:
  bool is_one(std::int64_t statement) const {
    return statement >= 0 && static_cast<std::size_t>(statement) < changed_.size();
  }
  const Namespace& namespace_of(std::size_t statement) const {
    return write_.namespaces[write_.statements[statement].ns];
  }

  const ObservedWrite& write_;
  std::vector<bool> changed_;
  std::map<std::size_t, std::string> named_;
};

std::string id_in(std::string_view document) {
  bson_iter_t id;
  return find_field(document, "_id", &id) ? id_key(id) : std::string();
}

// Of insert, update and delete.
void read_statements(std::string_view reply, const char* count, Outcome* outcome) {
  bool errors = false;
  for_each_document(reply, "writeErrors", [&](std::string_view error) {
    errors = true;
    outcome->failed(number_in(error, "index", 0));
  });
  if (!errors && number_in(reply, count, 1) == 0) outcome->nothing();
  // What was upserted was the only document: nothing else had matched.
  for_each_document(reply, "upserted",
                    [&](std::string_view one) { outcome->only(number_in(one, "index", 0), id_in(one)); });
}

void read_find_and_modify(const ObservedWrite& write, std::string_view reply, Outcome* outcome) {
  const std::string_view last = document_in(reply, "lastErrorObject");
  bson_iter_t upserted;
  if (number_in(last, "n", 1) == 0) {
    outcome->nothing();
  } else if (find_field(last, "upserted", &upserted)) {
    outcome->only(0, id_key(upserted));
  } else if (write.shows_id) {
    outcome->only(0, id_in(document_in(reply, "value")));
  }
}

void read_bulk(std::string_view reply, Outcome* outcome) {
  const std::int64_t changed = number_in(reply, "nInserted", 0) + number_in(reply, "nModified", 0) +
                               number_in(reply, "nUpserted", 0) + number_in(reply, "nDeleted", 0);
  if (number_in(reply, "nErrors", 0) == 0 && changed == 0) return outcome->nothing();
  for_each_document(document_in(reply, "cursor"), "firstBatch", [&](std::string_view one) {
    const std::int64_t statement = number_in(one, "idx", 0);
    if (number_in(one, "ok", 1) == 0) outcome->failed(statement);
    outcome->only(statement, id_in(document_in(one, "upserted")));
  });
}

}  // namespace

ReportedChanges possible_changes_of(const ObservedWrite& write) {
  ReportedChanges all = Outcome(write).changes();
  if (write.kind == ObservedWrite::Kind::kWhole) all.ranges = write.namespaces;
  return all;
}

ReportedChanges changes_of(const ObservedWrite& write, std::string_view reply) {
  Outcome outcome(write);
  switch (write.kind) {
    case ObservedWrite::Kind::kWhole: return possible_changes_of(write);
    case ObservedWrite::Kind::kUpdate: read_statements(reply, "nModified", &outcome); break;
    case ObservedWrite::Kind::kInsert:
    case ObservedWrite::Kind::kDelete: read_statements(reply, "n", &outcome); break;
    case ObservedWrite::Kind::kFindAndModify: read_find_and_modify(write, reply, &outcome); break;
    case ObservedWrite::Kind::kBulk: read_bulk(reply, &outcome); break;
  }
  return outcome.changes();
}

}  // namespace dualsync
