#include "dualsync/pipeline/index_sync.h"

#include <algorithm>
#include <array>
#include <map>

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/index_key.h"
#include "dualsync/pipeline/refusal.h"

namespace dualsync {
namespace {

constexpr std::string_view kOwedPrefix = "owed/";
// What a mirror leaves out (mongo/schema_commands.cc), and what says nothing of the documents that an index finds.
constexpr std::array<std::string_view, 8> kIncomparable = {"v",    "ns",       "background",    "expireAfterSeconds",
                                                           "safe", "dropDups", "storageEngine", "prepareUnique"};

// A NUL cannot occur in names, so it keeps namespace and index name apart.
std::string owed_key(const Namespace& ns, std::string_view name) {
  return std::string(kOwedPrefix) + ns.full() + '\0' + std::string(name);
}

}  // namespace

std::string index_name(std::string_view definition) {
  bson_iter_t iter;
  if (!find_field(definition, "name", &iter)) return {};
  return std::string(iter_string(iter).value_or(std::string_view()));
}

std::string comparable_index_key(std::string_view definition) {
  bson_iter_t iter;
  bson_iter_t part;
  BsonDoc built;
  if (find_field(definition, "key", &iter)) append_index_key(built.get(), iter);
  BsonDoc key;
  if (!find_field(built.bytes(), "key", &iter) || !bson_iter_recurse(&iter, &part)) return key.str();
  while (bson_iter_next(&part)) {
    if (BSON_ITER_HOLDS_NUMBER(&part)) {
      bson_append_double(key.get(), bson_iter_key(&part), -1, bson_iter_as_double(&part));
    } else {
      bson_append_iter(key.get(), bson_iter_key(&part), -1, &part);
    }
  }
  return key.str();
}

std::string comparable_index(std::string_view definition, bool but_for_hidden) {
  bson_iter_t iter;
  if (!iterate_bson(definition, &iter)) return {};
  std::map<std::string, std::string> fields;  // sorted: servers list the options in different orders
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (std::find(kIncomparable.begin(), kIncomparable.end(), name) != kIncomparable.end()) continue;
    if (name == "hidden" && (but_for_hidden || !bson_iter_as_bool(&iter))) continue;  // `hidden: false` says nothing
    if (name == "key") {
      fields["key"] = comparable_index_key(definition);
      continue;
    }
    BsonDoc field;
    bson_append_iter(field.get(), "v", 1, &iter);
    fields[std::string(name)] = field.str();
  }
  std::string result;
  for (const auto& [name, value] : fields) result += name + '\0' + value;
  return result;
}

IndexSync::IndexSync(PipelineContext& context) : context_(context) {}

Result<void> IndexSync::owe(const Namespace& ns, std::string_view definition, const Error& why) {
  log::warn("index", "index cannot be built on the backup yet; it is owed",
            {{"namespace", ns.full()}, {"index", index_name(definition)}, {"error", why.message}});
  return context_.queue.put_state(owed_key(ns, index_name(definition)), definition);
}

Result<void> IndexSync::create(const Namespace& ns, std::string_view definition) {
  const auto schema = context_.backup.make_schema_writer();
  auto built = build(*schema, ns, definition);
  if (built) return settle_owed(ns, index_name(definition));
  if (built.error().kind == ErrorKind::kConflict || !is_refusal(built.error())) return built;
  return owe(ns, definition, built.error());
}

Result<void> IndexSync::settle_owed(const Namespace& ns, const std::string& name) {
  auto owed = context_.queue.get_state(owed_key(ns, name));
  if (!owed) return owed.error();
  return *owed ? forget_owed(ns, name) : Result<void>();
}

Result<void> IndexSync::build(SchemaWriter& schema, const Namespace& ns, std::string_view definition) {
  const Namespace backup_ns = context_.scope.to_backup(ns);
  auto created = schema.create_index(backup_ns, definition);
  if (created || created.error().kind != ErrorKind::kConflict) return created;
  const std::string name = index_name(definition);
  auto dropped = schema.drop_index(backup_ns, name);
  if (!dropped) return dropped.error().kind == ErrorKind::kNotFound ? created : dropped;
  log::warn("index", "the backup had another index of that name; local wins",
            {{"namespace", ns.full()}, {"index", name}});
  return schema.create_index(backup_ns, definition);
}

// Building anew what is only to be hidden or shown would take the backup's readers their index for that time.
Result<void> IndexSync::rehide(SchemaWriter& schema, const Namespace& backup_ns, std::string_view wanted, bool* done) {
  bson_iter_t iter;
  const bool hidden = find_field(wanted, "hidden", &iter) && bson_iter_as_bool(&iter);
  const std::string name = index_name(wanted);
  BsonDoc change;
  bson_t index;
  bson_append_document_begin(change.get(), "index", -1, &index);
  bson_append_utf8(&index, "name", -1, name.c_str(), static_cast<int>(name.size()));
  bson_append_bool(&index, "hidden", -1, hidden);
  bson_append_document_end(change.get(), &index);
  auto modified = schema.modify_collection(backup_ns, change.bytes());
  *done = modified.ok();
  return modified || is_refusal(modified.error()) ? Result<void>() : modified;
}

Result<void> IndexSync::forget_unwanted(const Namespace& ns, const std::vector<std::string>& wanted) {
  auto owed = context_.queue.list_state(owed_key(ns, ""));
  if (!owed) return owed.error();
  for (const auto& [name, definition] : *owed) {
    const auto is_it = [&name = name](const std::string& each) { return index_name(each) == name; };
    if (std::none_of(wanted.begin(), wanted.end(), is_it)) DUALSYNC_TRY(forget_owed(ns, name));
  }
  return {};
}

Result<void> IndexSync::synchronise(const Namespace& ns, const std::vector<std::string>& wanted, DocumentReader& backup,
                                    bool keep_extra) {
  const Namespace backup_ns = context_.scope.to_backup(ns);
  auto present = backup.list_indexes(backup_ns);
  if (!present) return present.error();
  const auto schema = context_.backup.make_schema_writer();
  DUALSYNC_TRY(schema->keep_indexes(backup_ns, wanted));
  DUALSYNC_TRY(forget_unwanted(ns, wanted));
  std::map<std::string, std::string> have;  // name -> definition: in the end what is to be dropped
  for (const std::string& definition : *present) have[index_name(definition)] = definition;
  have.erase("_id_");
  std::vector<std::string_view> missing;
  for (const std::string& definition : wanted) {
    const std::string name = index_name(definition);
    if (name == "_id_") continue;
    const auto found = have.find(name);
    bool equal = found != have.end() && comparable_index(found->second) == comparable_index(definition);
    if (found != have.end() && !equal && comparable_index(found->second, true) == comparable_index(definition, true))
      DUALSYNC_TRY(rehide(*schema, backup_ns, definition, &equal));
    if (equal) have.erase(found);
    if (!equal) missing.emplace_back(definition);
  }
  // First of all: a server keeps no two indexes of one key under two names.
  for (const auto& [name, definition] : have) {
    const auto in_the_way = [&, &name = name, &definition = definition](std::string_view other) {
      return name == index_name(other) || comparable_index_key(definition) == comparable_index_key(other);
    };
    if (keep_extra && std::none_of(missing.begin(), missing.end(), in_the_way)) continue;
    auto dropped = schema->drop_index(backup_ns, name);
    if (dropped || dropped.error().kind == ErrorKind::kNotFound) continue;
    if (!is_refusal(dropped.error())) return dropped;
    log::warn("index", "an index that local does not have cannot be dropped on the backup",
              {{"namespace", ns.full()}, {"index", name}, {"error", dropped.error().message}});
  }
  for (const std::string_view definition : missing) {
    auto built = build(*schema, ns, definition);
    if (!built && !is_refusal(built.error())) return built;
    DUALSYNC_TRY(built ? settle_owed(ns, index_name(definition)) : owe(ns, definition, built.error()));
  }
  return {};
}

Result<std::vector<OwedIndex>> IndexSync::retry_owed() {
  auto owed = context_.queue.list_state(kOwedPrefix);
  if (!owed) return owed.error();
  std::vector<OwedIndex> left;
  const auto schema = context_.backup.make_schema_writer();
  std::erase_if(tried_, [&](const auto& tried) {
    return std::none_of(owed->begin(), owed->end(), [&](const auto& each) { return each.first == tried.first; });
  });
  for (const auto& [key, definition] : *owed) {
    const Namespace ns = Namespace::parse(key.substr(0, key.find('\0')));
    const std::string name = index_name(definition);
    Tried& tried = tried_[key];
    if (context_.clock.now() >= tried.next) {
      auto created = schema->create_index(context_.scope.to_backup(ns), definition);
      if (created) {
        log::info("index", "owed index built", {{"namespace", ns.full()}, {"index", name}});
        DUALSYNC_TRY(context_.queue.put_state(std::string(kOwedPrefix) + key, ""));
        continue;
      }
      if (!is_refusal(created.error())) return created.error();
      tried.reason = created.error().message;
      // Documents that are on their way decide about a unique index; anything else is not likely to change soon.
      if (created.error().kind != ErrorKind::kDuplicateKey) tried.next = context_.clock.now() + tried.backoff.next();
    }
    left.push_back({ns, name, tried.reason});
  }
  return left;
}

Result<void> IndexSync::forget_owed(const Namespace& ns, const std::string& name) {
  if (!name.empty()) return context_.queue.put_state(owed_key(ns, name), "");
  auto owed = context_.queue.list_state(owed_key(ns, ""));
  if (!owed) return owed.error();
  for (const auto& [key, definition] : *owed) DUALSYNC_TRY(context_.queue.put_state(owed_key(ns, key), ""));
  return {};
}

Result<void> IndexSync::move_owed(const Namespace& from, const Namespace& to) {
  auto owed = context_.queue.list_state(owed_key(from, ""));
  if (!owed) return owed.error();
  for (const auto& [key, definition] : *owed) {
    DUALSYNC_TRY(context_.queue.put_state(owed_key(to, key), definition));
    DUALSYNC_TRY(context_.queue.put_state(owed_key(from, key), ""));
  }
  return {};
}

}  // namespace dualsync
