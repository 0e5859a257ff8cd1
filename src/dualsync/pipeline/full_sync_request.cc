// What a request for a full sync, or a range of a database or of all, means: the namespaces there are, on either side.
#include <algorithm>
#include <map>
#include <set>

#include "dualsync/base/mark.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/collection_binding.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/scope_keeper.h"
#include "dualsync/pipeline/time_series_list.h"

namespace dualsync {
namespace {

using Parts = std::map<Namespace, FullSyncPart>;

bool answers(const std::string& pattern, const Namespace& ns) {
  return any_glob_matches({pattern}, ns.db, ns.collection);
}

// `single`: the one that is mirrored; to list databases can be a right that a user of one database does not have.
Result<std::set<std::string>> databases_of(DocumentReader& reader, const std::string& single) {
  if (!single.empty()) return std::set<std::string>{single};
  auto names = reader.list_databases();
  if (!names) return names.error();
  return std::set<std::string>(names->begin(), names->end());
}

}  // namespace

// Local decides what there is; what only the backup has is part of it too, because it has to go.
Result<FullSyncStatus> FullSync::start(const FullSyncRequest& request) {
  if (job_.view().state == FullSyncStatus::State::kRunning) return job_.start(request, {});
  const auto wanted = [&](const Namespace& ns) {
    return context_.scope.contains(ns) && !is_archive_name(ns.collection) &&
           (request.namespaces.empty() || any_glob_matches(request.namespaces, ns.db, ns.collection));
  };
  Parts parts;
  const auto local = context_.local.make_reader();
  auto databases = databases_of(*local, context_.scope.single_database());
  if (!databases) return databases.error().in("local");
  for (const std::string& db : *databases) {
    if (!context_.scope.contains_database(db)) continue;
    auto collections = local->list_collections(db);
    if (!collections) return collections.error().in("local");
    for (const CollectionInfo& info : *collections) {
      if (!wanted(info.ns)) continue;
      FullSyncPart& part = parts[info.ns];
      part.ns = info.ns;
      if (info.type != CollectionInfo::Type::kCollection) continue;
      auto count = local->estimated_count(info.ns);
      if (!count) return count.error().in("local " + info.ns.full());
      part.documents_total = *count;
    }
  }
  auto ours = CollectionBinding(context_.queue).bound_databases();
  if (!ours) return ours.error();
  const auto backup = context_.backup.make_reader();
  const std::string& single = context_.scope.single_database();
  auto on_backup = databases_of(*backup, single.empty() ? single : context_.scope.backup_database(single));
  if (!on_backup) return on_backup.error().in("backup");
  for (const std::string& backup_db : *on_backup) {
    const std::string db = context_.scope.local_database(backup_db);
    if (!context_.scope.contains_database(db)) continue;
    // Of a database that was never copied from here nothing is ours: others may share the cluster.
    if (context_.scope.single_database().empty() && !databases->contains(db) && !ours->contains(db)) continue;
    auto collections = backup->list_collections(backup_db);
    if (!collections) return collections.error().in("backup");
    for (const CollectionInfo& info : *collections) {
      const Namespace ns{db, info.ns.collection};
      if (!wanted(ns)) continue;
      if (request.only_ours && !parts.contains(ns)) {
        const auto bound = CollectionBinding(context_.queue).bound(ns);
        if (!bound) return bound.error();
        if (bound->empty()) continue;
      }
      parts[ns].ns = ns;
    }
  }
  for (const std::string& pattern : request.namespaces) {
    if (std::any_of(parts.begin(), parts.end(), [&](const auto& part) { return answers(pattern, part.first); }))
      continue;
    return Error{ErrorKind::kInvalidArgument, "no mirrored collection is named " + pattern,
                 "names are `collection` or `database.collection`, `*` stands for any characters", 0};
  }
  std::vector<FullSyncPart> list;
  for (auto& [ns, part] : parts) list.push_back(std::move(part));
  return job_.start(request, std::move(list));
}

// The whole deployment: each database that local has, and after a gap also those of ours that only the backup has. What
// was never copied from here is somebody else's, who may share the cluster.
Result<std::vector<Namespace>> FullSync::list_parts(const DirtyRange& range) {
  std::set<Namespace> parts;
  if (range.ns.db.empty()) {
    auto found = local_->list_databases();
    if (!found) return found.error();
    for (const std::string& db : *found) parts.insert({db, ""});
    if (!range.first_copy) {
      auto ours = CollectionBinding(context_.queue).bound_databases();
      if (!ours) return ours.error();
      for (const std::string& db : *ours) parts.insert({db, ""});
    }
    std::erase_if(parts, [&](const Namespace& part) { return !context_.scope.contains_database(part.db); });
    return std::vector<Namespace>(parts.begin(), parts.end());
  }
  // Each collection of local, and after a gap also those that only the backup has, which local must have dropped. On
  // the very first copy such a collection is somebody else's: it is left alone, and verify names it.
  auto found = local_->list_collections(range.ns.db);
  if (!found) return found.error();
  for (const CollectionInfo& info : *found) {
    parts.insert(info.ns);
    const bool series = info.type == CollectionInfo::Type::kTimeseries && context_.scope.contains(info.ns);
    if (series && context_.time_series != nullptr) DUALSYNC_TRY(context_.time_series->add(info.ns));
  }
  if (!range.first_copy) {
    auto on_backup = backup_->list_collections(context_.scope.backup_database(range.ns.db));
    if (!on_backup) return on_backup.error();
    for (const CollectionInfo& info : *on_backup) parts.insert({range.ns.db, info.ns.collection});
  }
  const ScopeChange change(range.progress);
  std::erase_if(parts, [&](const Namespace& part) {
    return !context_.scope.contains(part) || is_archive_name(part.collection) || !change.concerns(context_.scope, part);
  });
  return std::vector<Namespace>(parts.begin(), parts.end());
}

// The names are of now, while older drops and renames may still be on their way: those must not settle what stands
// behind them. So the parts get their places in the queue once capture has passed the time of the look.
Result<void> FullSync::expand(const DirtyRange& range) {
  Look& look = looks_[range.ns];
  if (look.gap != range.gap || look.time.is_null()) {
    auto parts = list_parts(range);
    if (!parts) return parts.error();
    auto now = local_->cluster_time();
    if (!now) return now.error();
    look = {range.gap, *now, std::move(*parts)};
  }
  if (context_.queue.position().time < look.time) {
    postponed_ = true;
    return {};
  }
  AppendBatch batch;
  for (const Namespace& part : look.parts) {
    const std::string inherited = part.collection.empty() ? range.progress : std::string();
    batch.dirty.push_back({part, range.reason, range.gap_start, range.first_copy, inherited, 0});
  }
  looks_.erase(range.ns);
  DUALSYNC_MARK("copy-listed");
  if (!batch.dirty.empty()) DUALSYNC_TRY(context_.queue.append(batch));
  DUALSYNC_MARK("copy-parts-kept");
  return context_.queue.finish_dirty(range);
}

}  // namespace dualsync
