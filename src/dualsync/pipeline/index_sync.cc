#include "dualsync/pipeline/index_sync.h"

#include <algorithm>
#include <array>
#include <map>

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/index_key.h"

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

std::string comparable_index(std::string_view definition) {
  bson_iter_t iter;
  if (!iterate_bson(definition, &iter)) return {};
  std::map<std::string, std::string> fields;  // sorted: servers list the options in different orders
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (std::find(kIncomparable.begin(), kIncomparable.end(), name) != kIncomparable.end()) continue;
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
  return build(*context_.backup.make_schema_writer(), ns, definition);
}

Result<void> IndexSync::build(SchemaWriter& schema, const Namespace& ns, std::string_view definition) {
  const Namespace backup_ns = context_.scope.to_backup(ns);
  auto created = schema.create_index(backup_ns, definition);
  if (!created && created.error().kind == ErrorKind::kConflict) {
    const std::string name = index_name(definition);
    log::warn("index", "the backup had another index of that name; local wins",
              {{"namespace", ns.full()}, {"index", name}});
    auto dropped = schema.drop_index(backup_ns, name);
    if (!dropped && dropped.error().kind != ErrorKind::kNotFound) return dropped;
    created = schema.create_index(backup_ns, definition);
  }
  if (created) return {};
  if (created.error().kind == ErrorKind::kDuplicateKey) return owe(ns, definition, created.error());
  return created;
}

Result<void> IndexSync::synchronise(const Namespace& ns, DocumentReader& local, DocumentReader& backup,
                                    bool keep_extra) {
  const Namespace backup_ns = context_.scope.to_backup(ns);
  auto wanted = local.list_indexes(ns);
  if (!wanted) return wanted.error();
  auto present = backup.list_indexes(backup_ns);
  if (!present) return present.error();
  const auto schema = context_.backup.make_schema_writer();
  DUALSYNC_TRY(schema->keep_indexes(backup_ns, *wanted));
  std::map<std::string, std::string> have;
  for (const std::string& definition : *present) have[index_name(definition)] = comparable_index(definition);
  for (const std::string& definition : *wanted) {
    const std::string name = index_name(definition);
    if (name == "_id_") {
      have.erase(name);
      continue;
    }
    const auto found = have.find(name);
    const bool equal = found != have.end() && found->second == comparable_index(definition);
    if (found != have.end() && !equal) {
      auto dropped = schema->drop_index(backup_ns, name);
      if (!dropped && dropped.error().kind != ErrorKind::kNotFound) return dropped;
    }
    if (found != have.end()) have.erase(found);
    if (!equal) DUALSYNC_TRY(build(*schema, ns, definition));
  }
  for (const auto& [name, definition] : have) {
    if (name == "_id_" || keep_extra) continue;
    auto dropped = schema->drop_index(backup_ns, name);
    if (!dropped && dropped.error().kind != ErrorKind::kNotFound) return dropped;
  }
  return {};
}

Result<std::size_t> IndexSync::retry_owed() {
  auto owed = context_.queue.list_state(kOwedPrefix);
  if (!owed) return owed.error();
  std::size_t left = 0;
  const auto schema = context_.backup.make_schema_writer();
  for (const auto& [key, definition] : *owed) {
    const Namespace ns = Namespace::parse(key.substr(0, key.find('\0')));
    auto created = schema->create_index(context_.scope.to_backup(ns), definition);
    if (created) {
      log::info("index", "owed index built", {{"namespace", ns.full()}, {"index", index_name(definition)}});
      DUALSYNC_TRY(context_.queue.put_state(std::string(kOwedPrefix) + key, ""));
    } else if (created.error().kind == ErrorKind::kConnectivity) {
      return created.error();
    } else {
      ++left;
    }
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
