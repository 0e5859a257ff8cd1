#include "dualsync/pipeline/drill.h"

#include <algorithm>

#include "dualsync/base/time_text.h"
#include "dualsync/base/waiting.h"
#include "dualsync/model/drill_name.h"
#include "dualsync/pipeline/drill_sides.h"
#include "dualsync/pipeline/mirrored_databases.h"
#include "dualsync/pipeline/restore.h"
#include "dualsync/pipeline/schema_compare.h"
#include "dualsync/pipeline/verifier.h"

namespace dualsync {
namespace {

// A connection that broke must not leave the scratch databases behind.
constexpr int kDropTries = 5;
constexpr std::chrono::milliseconds kDropPause{1000};

DrilledNamespace& entry_of(const Namespace& ns, DrillReport* report) {
  for (DrilledNamespace& one : report->namespaces) {
    if (one.ns == ns) return one;
  }
  DrilledNamespace missing;
  missing.ns = ns;
  missing.type = "collection";
  return report->namespaces.emplace_back(std::move(missing));
}

}  // namespace

Drill::Drill(const Scope& scope, DrillSides sides, const Clock& clock, DrillOptions options)
    : scope_(scope), sides_(std::move(sides)), clock_(clock), options_(std::move(options)) {
  DUALSYNC_CHECK(is_drill_owner(options_.owner));
}

Result<DrillReport> Drill::run(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress) {
  const SteadyTime begin = clock_.now();
  const auto leftovers = drop_scratch();
  if (!leftovers) return leftovers.error();
  auto report = restore_and_compare(stop, progress);
  auto dropped = drop_scratch();
  for (int i = 1; i < kDropTries && !dropped && dropped.error().kind == ErrorKind::kConnectivity; ++i) {
    sleep_for(kDropPause, {});
    dropped = drop_scratch();
  }
  if (!dropped) {
    Error error = report ? dropped.error() : report.error();
    error.message += "; the scratch databases are still there";
    error.hint = "the next drill drops them first; by hand: drop every database " + std::string(kDrillPrefix) +
                 options_.owner + "_* of the target";
    return error;
  }
  if (!report) return report;
  report->leftovers = *leftovers;
  report->finished_ms = clock_.unix_ms();
  report->seconds = std::chrono::duration<double>(clock_.now() - begin).count();
  return report;
}

Result<std::uint64_t> Drill::drop_scratch() {
  auto databases = sides_.target.make_reader()->list_databases();
  if (!databases) return databases.error().in("target");
  const auto schema = sides_.target.make_schema_writer();
  std::uint64_t dropped = 0;
  for (const std::string& db : *databases) {
    if (!is_drill_database_of(options_.owner, db)) continue;
    const auto gone = schema->drop({db, ""});
    if (!gone && gone.error().kind != ErrorKind::kNotFound) return gone.error().in("target");
    ++dropped;
  }
  return dropped;
}

Namespace Drill::place(const Namespace& local) {
  const auto [found, added] = databases_.try_emplace(local.db, "");
  if (added) found->second = drill_database(options_.owner, databases_.size() - 1);
  const Namespace backup = scope_.to_backup(local);
  Namespace scratch{found->second, ""};
  scratch.collection = drill_collection(scratch.db, backup.db, backup.collection, placed_.size());
  placed_[backup] = scratch;
  return scratch;
}

Result<DrillReport> Drill::restore_and_compare(std::stop_token stop,
                                               const std::function<void(const CopyStatus&)>& progress) {
  DrillReport report;
  report.whole = options_.namespaces.empty();
  Result<TrueCollections> before = TrueCollections();
  if (options_.compare != CompareLocal::kNever) before = true_collections();
  auto compare = before ? look_at_local(stop, &report) : Result<bool>(before.error());
  if (!compare && options_.compare == CompareLocal::kAuto && compare.error().kind == ErrorKind::kConnectivity) {
    report.local_note = compare.error().message;
    compare = false;
  }
  if (!compare) return compare.error();

  RestoreOptions options;
  options.namespaces = options_.namespaces;
  options.threads = 1;
  options.placed = [this](const Namespace& ns) { return place(ns); };
  options.approve = [this](const RestoreReport& plan) { return check_room(plan); };
  options.go_on = true;
  RateLimiter limiter(clock_, 0, options_.bytes_per_second);
  ThrottledSide target(sides_.target, limiter, stop);
  Restore restore(scope_, sides_.source, std::move(sides_.kept), target, clock_, options);
  auto restored = restore.run(stop, progress);
  if (!restored) {
    Error error = restored.error();
    // Asked for everything: that there is nothing is no mistake in the question.
    if (report.whole && error.kind == ErrorKind::kInvalidArgument) error.kind = ErrorKind::kNotFound;
    return error;
  }
  for (const RestoredNamespace& one : restored->namespaces) {
    DrilledNamespace drilled{one.local, one.type, one.documents, one.indexes, {}, 0, {}, 0};
    if (!one.problem.empty()) drilled.problems.push_back(one.problem);
    report.namespaces.push_back(std::move(drilled));
  }
  report.compared = *compare;
  if (!report.compared) return report;
  auto rebuilt = restored_collections(report);
  if (!rebuilt) return rebuilt.error();
  DUALSYNC_TRY(compare_documents(stop, progress, &report));
  auto after = true_collections();
  if (!after) return after.error();
  compare_schema(*before, *after, *rebuilt, &report);
  return report;
}

Result<bool> Drill::look_at_local(std::stop_token stop, DrillReport* report) {
  if (options_.compare == CompareLocal::kNever) {
    report->local_note = "not asked for";
    return false;
  }
  if (options_.compare == CompareLocal::kAlways) return true;
  if (!options_.recheck.catch_up) {
    report->local_note = "no daemon says whether the backup has all that local has";
    return false;
  }
  auto caught_up = options_.recheck.catch_up(stop);
  if (!caught_up) return caught_up;
  if (!*caught_up) report->local_note = "the backup does not have all that local has at the moment";
  return *caught_up;
}

Result<void> Drill::check_room(const RestoreReport& plan) {
  auto room = sides_.target_storage.free_bytes();
  if (!room) return room.error().in("target");
  if (!*room) return {};
  std::uint64_t needed = 0;
  for (const RestoredNamespace& one : plan.namespaces) {
    if (one.type != "collection") continue;
    auto size = sides_.source_storage.stored_bytes(scope_.to_backup(one.local));
    if (!size) return size.error().in("backup");
    if (!*size) return {};
    needed += **size;
  }
  if (**room >= needed + options_.reserve_bytes) return {};
  return Error{ErrorKind::kRefused,
               "not enough room on the target: the drill needs up to " + human_bytes(needed) + ", and of " +
                   human_bytes(**room) + " that are free " + human_bytes(options_.reserve_bytes) + " have to stay free",
               "name some collections only, or another server with --to; SYNC_DISK_RESERVE_BYTES is what stays free",
               0};
}

Result<Drill::TrueCollections> Drill::true_collections() {
  const auto reader = sides_.local.make_reader();
  auto databases = mirrored_databases(*reader, scope_);
  if (!databases) return databases.error().in("local");
  TrueCollections found;
  for (const std::string& db : *databases) {
    auto collections = reader->list_collections(db);
    if (!collections) return collections.error().in("local");
    for (const CollectionInfo& info : *collections) {
      if (!scope_.contains(info.ns) || info.type == CollectionInfo::Type::kView) continue;
      auto indexes = reader->list_indexes(info.ns);
      if (!indexes) return indexes.error().in("local");
      found[info.ns] = {info.options, std::move(*indexes)};
    }
  }
  return found;
}

Result<Drill::TrueCollections> Drill::restored_collections(const DrillReport& report) {
  const auto reader = sides_.target.make_reader();
  TrueCollections found;
  for (const auto& [local_db, scratch_db] : databases_) {
    auto collections = reader->list_collections(scratch_db);
    if (!collections) return collections.error().in("target");
    for (const DrilledNamespace& one : report.namespaces) {
      if (one.ns.db != local_db || one.type == "view" || !one.sound()) continue;
      const Namespace& scratch = placed_.at(scope_.to_backup(one.ns));
      const auto there = std::find_if(collections->begin(), collections->end(),
                                      [&](const CollectionInfo& info) { return info.ns == scratch; });
      if (there == collections->end()) continue;
      auto indexes = reader->list_indexes(scratch);
      if (!indexes) return indexes.error().in("target");
      found[one.ns] = {there->options, std::move(*indexes)};
    }
  }
  return found;
}

// What changed on local meanwhile says nothing. The rest of the schema is compared with the documents.
void Drill::compare_schema(const TrueCollections& before, const TrueCollections& after, const TrueCollections& restored,
                           DrillReport* report) const {
  for (const auto& [ns, is] : restored) {
    const auto was = before.find(ns);
    const auto still = after.find(ns);
    if (was == before.end() || still == after.end() || was->second != still->second) continue;
    auto found = different_bounds(was->second.options, is.options);
    for (std::string& text : different_ttls(was->second.indexes, is.indexes)) found.push_back(std::move(text));
    DrilledNamespace& one = entry_of(ns, report);
    one.problems.insert(one.problems.end(), found.begin(), found.end());
  }
}

// Whoever differs from what was restored is looked up on the backup again: it may have been written meanwhile.
Result<void> Drill::compare_documents(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress,
                                      DrillReport* report) {
  std::map<Namespace, Namespace> restored;
  for (const DrilledNamespace& one : report->namespaces) {
    const Namespace backup = scope_.to_backup(one.ns);
    if (one.sound()) restored[backup] = placed_.at(backup);
  }
  RestoredSide side(sides_.source, sides_.target, std::move(restored));
  VerifyOptions options;
  options.namespaces = options_.namespaces;
  // What only the backup has comes back as well, which is no loss.
  if (options.namespaces.empty()) options.namespaces.emplace_back("*");
  options.recheck = options_.recheck;
  Verifier verifier(scope_, sides_.local, side, clock_, options);
  auto compared = verifier.run(stop, [&](const CompareProgress& now) {
    CopyStatus status;
    status.running = true;
    status.documents_total = now.total;
    status.documents_done = now.documents;
    status.current = now.ns.full() + " against local";
    progress(status);
  });
  if (!compared) return compared.error();
  for (NamespaceReport& found : compared->namespaces) {
    if (found.equal() && found.unsettled == 0 && found.excepted == 0) continue;
    DrilledNamespace& one = entry_of(found.ns, report);
    one.excepted = found.excepted;
    one.problems.insert(one.problems.end(), found.schema.begin(), found.schema.end());
    one.difference_count = found.difference_count;
    one.differences = std::move(found.differences);
    one.unsettled = found.unsettled;
  }
  return {};
}

}  // namespace dualsync
