#include "dualsync/pipeline/verifier.h"

#include <algorithm>
#include <map>
#include <set>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/comparer.h"
#include "dualsync/pipeline/index_sync.h"
#include "dualsync/pipeline/schema_compare.h"
#include "dualsync/pipeline/waiting.h"

namespace dualsync {
namespace {

// Suspects are looked up again one by one; beyond this many the two sides are plainly different.
constexpr std::size_t kSuspectsMax = 100'000;
constexpr std::size_t kLookupAtOnce = 500;
constexpr std::chrono::milliseconds kSettlePause{300};

std::string canonical(std::string_view document) {
  std::string key;
  append_canonical_key(document, &key);
  return key;
}

using DocumentsByKey = std::map<std::string, std::string>;

Result<DocumentsByKey> look_up(DocumentReader& reader, const Namespace& ns, const std::vector<std::string_view>& keys) {
  DocumentsByKey found;
  if (keys.empty()) return found;
  auto read = reader.find_by_ids(
      ns, keys, {}, [&](std::string_view document) { found[canonical(document)] = std::string(document); });
  if (!read) return read.error();
  return found;
}

}  // namespace

Verifier::Verifier(const Scope& scope, LocalSide& local, BackupSide& backup, const Clock& clock, VerifyOptions options)
    : scope_(scope),
      local_(local.make_reader()),
      backup_(backup.make_reader()),
      clock_(clock),
      options_(std::move(options)) {}

Result<std::vector<CollectionInfo>> Verifier::list_local() {
  std::vector<CollectionInfo> found;
  auto databases = local_->list_databases();
  if (!databases) return databases.error().in("local");
  for (const std::string& db : *databases) {
    if (!scope_.contains_database(db)) continue;
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

Result<VerifyReport> Verifier::run(std::stop_token stop, const std::function<void(const CompareProgress&)>& progress) {
  const SteadyTime begin = clock_.now();
  VerifyReport report;
  if (auto now = local_->cluster_time())
    report.verified_until = *now;  // a standalone has none; the comparison still holds
  auto collections = list_local();
  if (!collections) return collections.error();
  for (const CollectionInfo& info : *collections) {
    if (info.type != CollectionInfo::Type::kCollection) continue;
    auto count = local_->estimated_count(info.ns);
    if (!count) return count.error().in("local " + info.ns.full());
    documents_total_ += *count;
  }
  for (const CollectionInfo& info : *collections) {
    auto verified = verify_collection(info, stop, progress);
    if (!verified) return verified.error();
    report.namespaces.push_back(std::move(*verified));
  }
  if (options_.namespaces.empty()) DUALSYNC_TRY(find_foreign(*collections, &report));
  report.seconds = std::chrono::duration<double>(clock_.now() - begin).count();
  return report;
}

Result<NamespaceReport> Verifier::verify_collection(const CollectionInfo& info, std::stop_token stop,
                                                    const std::function<void(const CompareProgress&)>& progress) {
  NamespaceReport report;
  report.ns = info.ns;
  if (info.type == CollectionInfo::Type::kCollection) {
    std::vector<Suspect> suspects;
    const auto found = [&](const FoundDifference& difference) -> Result<void> {
      ++report.difference_count;
      if (suspects.size() < kSuspectsMax) {
        suspects.push_back({difference.local.empty() ? "" : id_key_of(difference.local),
                            difference.backup.empty() ? "" : id_key_of(difference.backup)});
      }
      return {};
    };
    auto counts = compare_namespace(*local_, info.ns, *backup_, scope_.to_backup(info.ns), stop, found,
                                    [&](const CompareCounts& so_far) {
                                      progress({info.ns, documents_done_ + so_far.local, documents_total_});
                                    });
    if (!counts) return counts.error();
    report.local_documents = counts->local;
    report.backup_documents = counts->backup;
    documents_done_ += counts->local;
    const bool all_known = report.difference_count == suspects.size();
    if (all_known) report.difference_count = 0;
    DUALSYNC_TRY(recheck(info.ns, std::move(suspects), stop, &report));
  }
  DUALSYNC_TRY(compare_schema(info, &report));
  return report;
}

Result<void> Verifier::recheck(const Namespace& ns, std::vector<Suspect> suspects, std::stop_token stop,
                               NamespaceReport* report) {
  if (suspects.empty()) return {};
  const bool all_known = report->difference_count == 0;
  const SteadyTime deadline = clock_.now() + options_.settle_max;
  SteadyTime last_change = clock_.now();
  std::vector<Difference> differences;
  for (;;) {
    std::vector<Suspect> left;
    auto found = still_different(ns, suspects, &left);
    if (!found) return found.error();
    differences = std::move(*found);
    if (left.size() != suspects.size()) last_change = clock_.now();
    suspects = std::move(left);
    const SteadyTime now = clock_.now();
    if (suspects.empty() || now >= deadline || now - last_change >= options_.settle_still) break;
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "verify stopped", "", 0};
    sleep_for(kSettlePause, stop);
  }
  if (all_known) report->difference_count = differences.size();
  if (differences.size() > options_.differences_max) differences.resize(options_.differences_max);
  report->differences = std::move(differences);
  return {};
}

Result<std::vector<Difference>> Verifier::still_different(const Namespace& ns, const std::vector<Suspect>& suspects,
                                                          std::vector<Suspect>* left) {
  std::vector<Difference> differences;
  for (std::size_t begin = 0; begin < suspects.size(); begin += kLookupAtOnce) {
    const std::size_t end = std::min(suspects.size(), begin + kLookupAtOnce);
    std::vector<std::string_view> keys;
    std::set<std::string> distinct;
    for (std::size_t i = begin; i < end; ++i) {
      const std::string& key = suspects[i].local_key.empty() ? suspects[i].backup_key : suspects[i].local_key;
      if (distinct.insert(canonical(key)).second) keys.push_back(key);
    }
    auto on_backup = look_up(*backup_, scope_.to_backup(ns), keys);
    if (!on_backup) return on_backup.error().in("backup");
    auto on_local = look_up(*local_, ns, keys);
    if (!on_local) return on_local.error().in("local");
    for (std::size_t i = begin; i < end; ++i) {
      const std::string& key = suspects[i].local_key.empty() ? suspects[i].backup_key : suspects[i].local_key;
      if (distinct.erase(canonical(key)) == 0) continue;  // named twice
      const auto l = on_local->find(canonical(key));
      const auto b = on_backup->find(canonical(key));
      const bool has_local = l != on_local->end();
      const bool has_backup = b != on_backup->end();
      if ((!has_local && !has_backup) || (has_local && has_backup && l->second == b->second)) continue;
      Difference difference;
      difference.kind = !has_backup  ? DifferenceKind::kMissing
                        : !has_local ? DifferenceKind::kForeign
                                     : DifferenceKind::kContent;
      difference.document_key = key;
      difference.id_json = to_json(key);
      if (has_local && has_backup) difference.path = first_difference(l->second, b->second);
      differences.push_back(std::move(difference));
      left->push_back(suspects[i]);
    }
  }
  return differences;
}

Result<void> Verifier::compare_schema(const CollectionInfo& info, NamespaceReport* report) {
  const Namespace backup_ns = scope_.to_backup(info.ns);
  auto collections = backup_->list_collections(backup_ns.db);
  if (!collections) return collections.error().in("backup");
  const auto there = std::find_if(collections->begin(), collections->end(),
                                  [&](const CollectionInfo& other) { return other.ns == backup_ns; });
  auto wanted = info.type == CollectionInfo::Type::kView ? Result<std::vector<std::string>>(std::vector<std::string>())
                                                         : local_->list_indexes(info.ns);
  if (!wanted) return wanted.error().in("local");
  if (there == collections->end()) {
    // A server that does not report the creation that an insert implies leaves nothing to mirror of an empty
    // collection.
    const bool plain = info.type == CollectionInfo::Type::kCollection && wanted->size() <= 1 &&
                       comparable_options(info.options).empty();
    if (!plain || report->local_documents > 0) report->schema.push_back("the collection is missing on the backup");
    return {};
  }
  if (there->type != info.type) {
    report->schema.push_back("is a view or time series on one side only");
    return {};
  }
  for (const std::string& text : different_options(info.options, there->options)) report->schema.push_back(text);
  if (info.type == CollectionInfo::Type::kView) return {};
  auto present = backup_->list_indexes(backup_ns);
  if (!present) return present.error().in("backup");
  for (const std::string& text : different_indexes(*wanted, *present)) report->schema.push_back(text);
  return {};
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
      extra.schema.push_back("the collection exists only on the backup");
      report->namespaces.push_back(std::move(extra));
    }
  }
  return {};
}

}  // namespace dualsync
