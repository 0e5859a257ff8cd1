#include <algorithm>

#include "dualsync/codec/bson.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/index_sync.h"
#include "dualsync/pipeline/restore.h"
#include "dualsync/pipeline/restore_documents.h"

namespace dualsync {
namespace {

constexpr std::size_t kNamesShown = 5;

// `document` with the fields of `more` that it lacks behind it.
std::string joined(std::string_view document, std::string_view more) {
  BsonDoc out;
  bson_iter_t iter;
  for (const std::string_view each : {document, more}) {
    if (!iterate_bson(each, &iter)) continue;
    while (bson_iter_next(&iter)) {
      if (!bson_has_field(out.get(), bson_iter_key(&iter)))
        bson_append_iter(out.get(), bson_iter_key(&iter), -1, &iter);
    }
  }
  return out.str();
}

std::string_view kind_text(CollectionInfo::Type type) {
  switch (type) {
    case CollectionInfo::Type::kCollection: return "collection";
    case CollectionInfo::Type::kView: return "view";
    case CollectionInfo::Type::kTimeseries: return "time series";
  }
  return "unknown";
}

bool matches(const std::string& pattern, const Namespace& ns) {
  return any_glob_matches({pattern}, ns.db, ns.collection);
}

}  // namespace

bool concerns_one_collection(const Error& error) {
  return error.kind != ErrorKind::kConnectivity && error.kind != ErrorKind::kStopped &&
         error.kind != ErrorKind::kDenied;
}

// Named as local names them.
Result<std::vector<CollectionInfo>> Restore::chosen() {
  std::vector<std::string> databases;
  if (!scope_.single_database().empty()) {
    databases.push_back(scope_.backup_database(scope_.single_database()));
  } else {
    auto found = source_reader_->list_databases();
    if (!found) return found.error().in("backup");
    databases = std::move(*found);
  }
  std::vector<CollectionInfo> chosen;
  for (const std::string& db : databases) {
    const std::string local_db = scope_.local_database(db);
    if (!scope_.contains_database(local_db)) continue;
    auto collections = source_reader_->list_collections(db);
    if (!collections) return collections.error().in("backup");
    for (CollectionInfo& info : *collections) {
      const Namespace ns{local_db, info.ns.collection};
      if (!scope_.contains(ns)) continue;
      const auto& wanted = options_.namespaces;
      const bool named = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& pattern) {
        return is_archive_name(ns.collection) ? pattern == ns.collection || pattern == ns.full() : matches(pattern, ns);
      });
      // What local had dropped comes back only when it is asked for by its name.
      if (wanted.empty() ? is_archive_name(ns.collection) : !named) continue;
      info.ns = ns;
      chosen.push_back(std::move(info));
    }
  }
  for (const std::string& pattern : options_.namespaces) {
    if (std::any_of(chosen.begin(), chosen.end(), [&](const auto& each) { return matches(pattern, each.ns); }))
      continue;
    return Error{ErrorKind::kInvalidArgument, "no collection of the backup is named " + pattern,
                 "names are `collection` or `database.collection`, `*` stands for any characters", 0};
  }
  if (chosen.empty()) {
    return Error{ErrorKind::kInvalidArgument, "the backup holds nothing of this scope",
                 "MONGODB_LOCAL_URI and MONGODB_ATLAS_URI name the databases", 0};
  }
  return chosen;
}

Result<std::vector<Restore::Item>> Restore::plan() {
  auto collections = chosen();
  if (!collections) return collections.error();
  std::vector<Item> items;
  for (CollectionInfo& info : *collections) {
    Item item;
    item.target = {options_.target_database.empty() ? info.ns.db : options_.target_database, info.ns.collection};
    if (options_.placed) item.target = options_.placed(info.ns);
    item.info = std::move(info);
    if (auto completed = complete(&item); !completed) {
      if (!options_.go_on || !concerns_one_collection(completed.error())) return completed.error();
      item.problem = completed.error().message;
    }
    DUALSYNC_TRY(look_at_target(&item));
    items.push_back(std::move(item));
  }
  if (!options_.ids.empty()) {
    if (items.size() == 1 && items.front().info.type == CollectionInfo::Type::kCollection) return items;
    return Error{ErrorKind::kInvalidArgument, "--id needs the name of exactly one collection", "", 0};
  }
  if (!options_.force && !options_.dry_run) DUALSYNC_TRY(refuse_filled(items));
  // Views last: they speak of collections.
  std::stable_partition(items.begin(), items.end(),
                        [](const Item& item) { return item.info.type != CollectionInfo::Type::kView; });
  return items;
}

Result<void> Restore::complete(Item* item) {
  const Namespace source = scope_.to_backup(item->info.ns);
  auto kept = kept_->read(source);
  if (!kept) return kept.error().in("backup");
  item->info.options = joined(item->info.options, kept->options);
  if (item->info.type == CollectionInfo::Type::kView) return {};
  auto count = source_reader_->estimated_count(source);
  if (!count) return count.error().in("backup");
  item->documents = *count;
  auto indexes = source_reader_->list_indexes(source);
  if (!indexes) return indexes.error().in("backup");
  for (const std::string& definition : *indexes) {
    BsonDoc ttl;
    const auto found = kept->ttl_seconds.find(index_name(definition));
    if (found != kept->ttl_seconds.end()) BSON_APPEND_INT64(ttl.get(), "expireAfterSeconds", found->second);
    item->indexes.push_back(joined(definition, ttl.bytes()));
  }
  return {};
}

Result<void> Restore::look_at_target(Item* item) {
  auto collections = target_reader_->list_collections(item->target.db);
  if (!collections) return collections.error().in("target");
  const auto there = std::find_if(collections->begin(), collections->end(),
                                  [&](const CollectionInfo& each) { return each.ns == item->target; });
  if (there == collections->end()) return {};
  if (there->type != item->info.type) {
    return Error{ErrorKind::kRefused,
                 item->target.full() + " is a " + std::string(kind_text(there->type)) + " on the target, but a " +
                     std::string(kind_text(item->info.type)) + " on the backup",
                 "drop or rename it there, or restore into another database (--to)", 0};
  }
  item->target_options = there->options;
  item->before = TargetState::kFilled;
  if (item->info.type == CollectionInfo::Type::kView) return {};
  auto empty = target_reader_->is_empty(item->target);
  if (!empty) return empty.error().in("target");
  if (*empty) item->before = TargetState::kEmpty;
  if (item->info.type == CollectionInfo::Type::kTimeseries) return {};
  RestoreDocuments documents(source_, target_, {scope_.to_backup(item->info.ns), item->target, false}, 1, {});
  auto unfinished = documents.unfinished();
  if (!unfinished) return unfinished.error();
  if (*unfinished) item->before = TargetState::kUnfinished;
  return {};
}

Result<void> Restore::refuse_filled(const std::vector<Item>& items) const {
  std::string names;
  std::size_t filled = 0;
  for (const Item& item : items) {
    // A view holds nothing, and an equal one may stay.
    const bool view = item.info.type == CollectionInfo::Type::kView;
    if (may_fill(item) || (view && item.target_options == item.info.options)) continue;
    if (++filled <= kNamesShown) names += (names.empty() ? "" : ", ") + item.target.full();
  }
  if (filled == 0) return {};
  if (filled > kNamesShown) names += " and " + std::to_string(filled - kNamesShown) + " more";
  return Error{ErrorKind::kRefused, "the target is not empty: " + names + "; nothing was changed",
               "--force replaces what is there by what the backup holds; --to names another target", 0};
}

}  // namespace dualsync
