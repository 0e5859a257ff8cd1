#include "dualsync/pipeline/verifier.h"

#include <algorithm>
#include <set>

#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/comparer.h"
#include "dualsync/pipeline/index_sync.h"
#include "dualsync/pipeline/mirrored_databases.h"
#include "dualsync/pipeline/schema_compare.h"

namespace dualsync {
namespace {

// Suspects are looked up again one by one; beyond this many the two sides are plainly different.
constexpr std::size_t kSuspectsMax = 100'000;
constexpr std::chrono::milliseconds kSchemaPause{500};
// So many equal looks at a schema with the mirror's word that it has caught up, or so many without.
constexpr int kSchemaLooks = 2;
constexpr int kSchemaLooksBlind = 6;

}  // namespace

Verifier::Verifier(const Scope& scope, LocalSide& local, BackupSide& backup, const Clock& clock, VerifyOptions options)
    : scope_(scope),
      local_(local.make_reader()),
      backup_(backup.make_reader()),
      clock_(clock),
      options_(std::move(options)),
      quick_(*local_, *backup_) {}

Result<std::vector<CollectionInfo>> Verifier::list_local() {
  std::vector<CollectionInfo> found;
  auto databases = mirrored_databases(*local_, scope_);
  if (!databases) return databases.error().in("local");
  for (const std::string& db : *databases) {
    auto collections = local_->list_collections(db);
    if (!collections) return collections.error().in("local");
    for (CollectionInfo& info : *collections) {
      if (!scope_.contains(info.ns) || is_archive_name(info.ns.collection)) continue;
      const auto& wanted = options_.namespaces;
      if (wanted.empty() || any_glob_matches(wanted, info.ns.db, info.ns.collection)) found.push_back(std::move(info));
    }
  }
  return found;
}

Result<void> Verifier::check_names() {
  auto found = list_local();
  if (!found) return found.error();
  for (const std::string& pattern : options_.namespaces) {
    const auto answers = [&](const CollectionInfo& info) {
      return any_glob_matches({pattern}, info.ns.db, info.ns.collection);
    };
    if (std::any_of(found->begin(), found->end(), answers)) continue;
    return Error{ErrorKind::kInvalidArgument, "no mirrored collection is named " + pattern,
                 "names are `collection` or `database.collection`, `*` stands for any characters", 0};
  }
  return {};
}

Result<VerifyReport> Verifier::run(std::stop_token stop, const std::function<void(const CompareProgress&)>& progress) {
  const SteadyTime begin = clock_.now();
  VerifyReport report;
  report.whole = options_.namespaces.empty();
  if (auto now = local_->cluster_time())
    report.verified_until = *now;  // a standalone has none; the comparison still holds
  auto collections = list_local();
  if (!collections) return collections.error();
  std::vector<std::uint64_t> documents;
  for (const CollectionInfo& info : *collections) {
    documents.push_back(0);
    if (info.type == CollectionInfo::Type::kView) {
      if (options_.planned) options_.planned(info.ns, 0);
      continue;
    }
    auto count = local_->estimated_count(info.ns);
    if (!count) return count.error().in("local " + info.ns.full());
    documents_total_ += *count;
    documents.back() = *count;
    if (options_.planned) options_.planned(info.ns, *count);
  }
  for (std::size_t i = 0; i < collections->size(); ++i) {
    auto verified = verify_collection((*collections)[i], documents[i], stop, progress);
    if (!verified) return verified.error();
    if (options_.compared) options_.compared(*verified);
    report.namespaces.push_back(std::move(*verified));
  }
  if (options_.namespaces.empty()) DUALSYNC_TRY(find_foreign(*collections, &report));
  report.seconds = std::chrono::duration<double>(clock_.now() - begin).count();
  return report;
}

Result<NamespaceReport> Verifier::verify_collection(const CollectionInfo& info, std::uint64_t documents,
                                                    std::stop_token stop,
                                                    const std::function<void(const CompareProgress&)>& progress) {
  NamespaceReport report;
  report.ns = info.ns;
  if (info.type == CollectionInfo::Type::kCollection)
    DUALSYNC_TRY(compare_documents(documents, stop, progress, &report));
  if (info.type == CollectionInfo::Type::kTimeseries) DUALSYNC_TRY(compare_measurements(info, stop, progress, &report));
  documents_done_ += report.local_documents;
  DUALSYNC_TRY(settle_schema(info, &report, stop));
  return report;
}

Result<void> Verifier::compare_documents(std::uint64_t documents, std::stop_token stop,
                                         const std::function<void(const CompareProgress&)>& progress,
                                         NamespaceReport* report) {
  std::vector<Suspect> suspects;
  const auto found = [&](const FoundDifference& difference) -> Result<void> {
    std::string key = id_key_of(difference.local.empty() ? difference.backup : difference.local);
    if (options_.recheck.excepted) {
      auto excepted = options_.recheck.excepted(report->ns, key);
      if (!excepted) return excepted.error();
      report->excepted += *excepted ? 1 : 0;
      if (*excepted) return {};
    }
    ++report->difference_count;
    if (suspects.size() < kSuspectsMax) {
      Suspect suspect;
      suspect.key = std::move(key);
      suspects.push_back(std::move(suspect));
    }
    return {};
  };
  const Namespace backup_ns = scope_.to_backup(report->ns);
  const auto walked = [&](const CompareCounts& so_far) {
    progress({report->ns, so_far.local, documents_done_ + so_far.local, documents_total_});
  };
  const std::uint64_t by_digest = quick_.by_digest();
  auto counts = options_.quick ? quick_.run(report->ns, backup_ns, documents, stop, found, walked)
                               : compare_namespace(*local_, report->ns, *backup_, backup_ns, {}, stop, found, walked);
  if (!counts) return counts.error();
  report->by_digest = quick_.by_digest() - by_digest;
  report->local_documents = counts->local;
  report->backup_documents = counts->backup;
  // Those beyond the bound count as they are.
  report->difference_count -= suspects.size();
  Recheck recheck(*local_, *backup_, clock_, options_.recheck);
  auto outcome = recheck.run(report->ns, backup_ns, std::move(suspects), stop);
  if (!outcome) return outcome.error();
  report->difference_count += outcome->count;
  report->differences = std::move(outcome->differences);
  report->unsettled = outcome->unsettled;
  report->excepted += outcome->excepted;
  return {};
}

Result<void> Verifier::settle_schema(const CollectionInfo& info, NamespaceReport* report, std::stop_token stop) {
  CollectionInfo now = info;
  std::vector<std::string> last;
  int looks = 0;
  for (int i = 0; i < 2 * kSchemaLooksBlind; ++i) {
    auto found = compare_schema(now, report->local_documents);
    if (!found) return found.error();
    if (found->empty()) {
      last.clear();
      break;
    }
    looks = *found == last ? looks + 1 : 1;
    last = std::move(*found);
    bool known = false;
    if (options_.recheck.catch_up) {
      auto caught_up = options_.recheck.catch_up(stop);
      if (!caught_up) return caught_up.error();
      known = *caught_up;
    }
    if (looks > (known ? kSchemaLooks : kSchemaLooksBlind)) break;
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "comparison stopped", "", 0};
    sleep_for(known ? kSchemaPause / 10 : kSchemaPause, stop);
    auto listed = local_->list_collections(info.ns.db);
    if (!listed) return listed.error().in("local");
    const auto still =
        std::find_if(listed->begin(), listed->end(), [&](const auto& each) { return each.ns == info.ns; });
    if (still == listed->end()) return {};  // dropped meanwhile
    now = *still;
  }
  report->schema.insert(report->schema.end(), last.begin(), last.end());
  return {};
}

Result<std::vector<std::string>> Verifier::compare_schema(const CollectionInfo& info, std::uint64_t local_documents) {
  using Words = std::vector<std::string>;
  const Namespace backup_ns = scope_.to_backup(info.ns);
  auto collections = backup_->list_collections(backup_ns.db);
  if (!collections) return collections.error().in("backup");
  const auto there = std::find_if(collections->begin(), collections->end(),
                                  [&](const CollectionInfo& other) { return other.ns == backup_ns; });
  auto wanted = info.type == CollectionInfo::Type::kView ? Result<Words>(Words()) : local_->list_indexes(info.ns);
  if (!wanted) return wanted.error().in("local");
  if (there == collections->end()) {
    // A server that does not report the creation that an insert implies leaves nothing to mirror of an empty
    // collection.
    const bool plain = info.type == CollectionInfo::Type::kCollection && wanted->size() <= 1 &&
                       comparable_options(info.options).empty();
    return plain && local_documents == 0 ? Words() : Words{"the collection is missing on the backup"};
  }
  if (there->type != info.type) return Words{"is a view or time series on one side only"};
  Words found = different_options(info.options, there->options);
  if (info.type == CollectionInfo::Type::kView) return found;
  auto present = backup_->list_indexes(backup_ns);
  if (!present) return present.error().in("backup");
  for (std::string& text : different_indexes(*wanted, *present)) found.push_back(std::move(text));
  return found;
}

// Collections that only the backup has, the archives of dropped ones apart.
Result<void> Verifier::find_foreign(const std::vector<CollectionInfo>& local, VerifyReport* report) {
  std::set<std::string> databases;
  for (const CollectionInfo& info : local) databases.insert(info.ns.db);
  if (!scope_.single_database().empty()) databases.insert(scope_.single_database());
  for (const std::string& db : databases) {
    auto collections = backup_->list_collections(scope_.backup_database(db));
    if (!collections) return collections.error().in("backup");
    for (const CollectionInfo& info : *collections) {
      const Namespace ns{db, info.ns.collection};
      if (!scope_.contains(ns) || is_archive_name(ns.collection)) continue;
      if (std::any_of(local.begin(), local.end(), [&](const CollectionInfo& known) { return known.ns == ns; }))
        continue;
      NamespaceReport extra;
      extra.ns = ns;
      extra.only_on_backup = true;
      extra.kept = options_.keeps_dropped;
      if (!extra.kept) extra.schema.push_back("the collection exists only on the backup");
      if (options_.compared) options_.compared(extra);
      report->namespaces.push_back(std::move(extra));
    }
  }
  return {};
}

}  // namespace dualsync
