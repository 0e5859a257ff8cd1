#include "dualsync/pipeline/restore.h"

#include <algorithm>
#include <map>

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/pipeline/index_sync.h"
#include "dualsync/pipeline/restore_documents.h"
#include "dualsync/pipeline/schema_compare.h"

namespace dualsync {
namespace {

constexpr int kIndexTries = 3;

bool has_ttl(std::string_view definition) {
  bson_iter_t iter;
  return find_field(definition, "expireAfterSeconds", &iter);
}

std::int64_t ttl_of(std::string_view definition) {
  bson_iter_t iter;
  return find_field(definition, "expireAfterSeconds", &iter) ? bson_iter_as_int64(&iter) : -1;
}

bool is_capped(std::string_view options) {
  bson_iter_t iter;
  return find_field(options, "capped", &iter) && bson_iter_as_bool(&iter);
}

bool same_index(const std::string& a, const std::string& b) {
  return comparable_index(a) == comparable_index(b) && ttl_of(a) == ttl_of(b);
}

Error refused(const Namespace& ns, const std::string& what) {
  return {ErrorKind::kRefused, ns.full() + ": " + what, "", 0};
}

std::string_view type_text(CollectionInfo::Type type) {
  switch (type) {
    case CollectionInfo::Type::kCollection: return "collection";
    case CollectionInfo::Type::kView: return "view";
    case CollectionInfo::Type::kTimeseries: return "timeseries";
  }
  return "unknown";
}

}  // namespace

Restore::Restore(const Scope& scope, BackupSide& source, std::unique_ptr<KeptSchemas> kept, BackupSide& target,
                 const Clock& clock, RestoreOptions options)
    : scope_(scope),
      source_(source),
      kept_(std::move(kept)),
      target_(target),
      clock_(clock),
      options_(std::move(options)),
      source_reader_(source.make_reader()),
      target_reader_(target.make_reader()),
      schema_(target.make_schema_writer()) {}

Result<RestoreReport> Restore::run(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress) {
  const SteadyTime begin = clock_.now();
  auto items = plan();
  if (!items) return items.error();
  RestoreReport report;
  report.dry_run = options_.dry_run;
  if (!options_.force && options_.dry_run) {
    if (const auto allowed = refuse_filled(*items); !allowed) report.refusal = allowed.error().message;
  }
  Mutex mutex;  // the copy's threads report too
  CopyStatus status;
  status.running = true;
  status.namespaces_total = items->size();
  for (const Item& item : *items) status.documents_total += item.documents;
  add_progress_ = [&](std::uint64_t documents) {
    MutexLock lock(mutex);
    status.documents_done = std::min(status.documents_done + documents, status.documents_total);
    progress(status);
  };
  for (const Item& item : *items) {
    RestoredNamespace one;
    one.documents = options_.ids.empty() ? item.documents : options_.ids.size();
    one.ns = item.target;
    one.local = item.info.ns;
    one.type = type_text(item.info.type);
    one.before = item.before;
    one.indexes = item.indexes.size();
    one.problem = item.problem;
    report.namespaces.push_back(std::move(one));
  }
  if (options_.approve) DUALSYNC_TRY(options_.approve(report));
  for (std::size_t i = 0; i < items->size() && !options_.dry_run; ++i) {
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "restore stopped", "", 0};
    RestoredNamespace& one = report.namespaces[i];
    {
      MutexLock lock(mutex);
      status.current = (options_.placed ? one.local : one.ns).full();
    }
    auto restored = restore_or_note((*items)[i], stop);
    if (!restored) return restored.error();
    one.documents = restored->documents;
    one.written = restored->written;
    one.evicted = restored->evicted;
    one.problem = restored->problem;
    MutexLock lock(mutex);
    ++status.namespaces_done;
  }
  report.seconds = std::chrono::duration<double>(clock_.now() - begin).count();
  return report;
}

Result<RestoredNamespace> Restore::restore_or_note(const Item& item, std::stop_token stop) {
  RestoredNamespace noted;
  noted.problem = item.problem;
  if (!item.problem.empty()) return noted;
  auto restored = options_.ids.empty() ? restore(item, stop) : restore_ids(item);
  if (restored || !options_.go_on || !concerns_one_collection(restored.error())) return restored;
  noted.problem = restored.error().message;
  return noted;
}

Result<RestoredNamespace> Restore::restore(const Item& item, std::stop_token stop) {
  RestoredNamespace done;
  if (item.info.type == CollectionInfo::Type::kTimeseries) return restore_time_series(item, stop);
  if (item.info.type == CollectionInfo::Type::kView) {
    DUALSYNC_TRY(restore_view(item));
    DUALSYNC_TRY(check_options(item));
    return done;
  }
  const bool capped = is_capped(item.info.options);
  RestoreDocuments documents(source_, target_, {scope_.to_backup(item.info.ns), item.target, capped}, options_.threads,
                             add_progress_);
  auto progress = documents.unfinished();
  if (!progress) return progress.error();
  bool absent = item.before == TargetState::kAbsent;
  const bool same_options =
      different_options(item.info.options, item.target_options).empty() && capped == is_capped(item.target_options);
  // An unfinished one was made by us, with its options.
  if (!absent && item.before != TargetState::kUnfinished && (!same_options || capped)) {
    DUALSYNC_TRY(schema_->drop(item.target));
    absent = true;
  }
  if (!*progress && (absent || item.before == TargetState::kEmpty)) {
    auto begun = documents.begin();
    if (!begun) return begun.error();
    *progress = std::move(*begun);
  }
  if (auto created = schema_->create_collection(item.target, item.info.options); !created)
    return created.error().in("target");
  if (*progress) DUALSYNC_TRY(documents.copy(std::move(**progress), stop));
  DUALSYNC_TRY(build_indexes(item, documents, stop));
  auto counts = documents.prove(stop);
  if (!counts) return counts.error();
  // Only now may anything expire: the proof is of what the backup holds.
  DUALSYNC_TRY(restore_indexes(item, true));
  DUALSYNC_TRY(check_options(item));
  DUALSYNC_TRY(check_indexes(item));
  DUALSYNC_TRY(documents.finish());
  done.documents = counts->documents;
  done.written = counts->written;
  done.evicted = counts->evicted;
  return done;
}

// Documents were copied while the mirror went on, so a value may have been copied with two of them. If it is so on the
// backup itself, it still is when the target has caught up.
Result<void> Restore::build_indexes(const Item& item, RestoreDocuments& documents, std::stop_token stop) {
  auto built = restore_indexes(item, false);
  for (int i = 0; i < kIndexTries && !built && built.error().kind == ErrorKind::kDuplicateKey; ++i) {
    auto counts = documents.prove(stop);
    if (!counts) return counts.error();
    built = restore_indexes(item, false);
  }
  return built;
}

Result<void> Restore::restore_view(const Item& item) {
  if (item.before == TargetState::kFilled) {
    if (different_options(item.info.options, item.target_options).empty()) return {};
    if (auto dropped = schema_->drop(item.target); !dropped) return dropped.error().in("target");
  }
  auto created = schema_->create_collection(item.target, item.info.options);
  return created ? created : Result<void>(created.error().in("target"));
}

Result<void> Restore::restore_indexes(const Item& item, bool with_ttl) {
  auto present = target_reader_->list_indexes(item.target);
  if (!present) return present.error().in("target");
  std::map<std::string, std::string> have;
  for (const std::string& definition : *present) have[index_name(definition)] = definition;
  have.erase("_id_");
  for (const std::string& definition : item.indexes) {
    const std::string name = index_name(definition);
    const auto found = have.find(name);
    const bool same = found != have.end() && same_index(found->second, definition);
    if (same || has_ttl(definition) != with_ttl) {
      if (same) have.erase(found);
      continue;
    }
    if (found != have.end()) {
      DUALSYNC_TRY(schema_->drop_index(item.target, name));
      have.erase(found);
    }
    auto created = schema_->create_index(item.target, definition);
    if (!created) return created.error().in("target: index '" + name + "'");
  }
  if (with_ttl) return {};
  for (const auto& [name, definition] : have) DUALSYNC_TRY(schema_->drop_index(item.target, name));
  return {};
}

Result<void> Restore::check_options(const Item& item) {
  auto collections = target_reader_->list_collections(item.target.db);
  if (!collections) return collections.error().in("target");
  const auto there = std::find_if(collections->begin(), collections->end(),
                                  [&](const CollectionInfo& each) { return each.ns == item.target; });
  if (there == collections->end()) return refused(item.target, "it is not there after the restore");
  for (const std::string& text : different_options(item.info.options, there->options))
    return refused(item.target, text);
  if (is_capped(item.info.options) != is_capped(there->options))
    return refused(item.target, "it is not capped as local's");
  return {};
}

Result<void> Restore::check_indexes(const Item& item) {
  auto present = target_reader_->list_indexes(item.target);
  if (!present) return present.error().in("target");
  for (const std::string& text : different_indexes(item.indexes, *present)) return refused(item.target, text);
  for (const std::string& wanted : item.indexes) {
    const auto same = [&](const std::string& other) {
      return index_name(other) == index_name(wanted) && ttl_of(other) == ttl_of(wanted);
    };
    if (std::none_of(present->begin(), present->end(), same))
      return refused(item.target, "index '" + index_name(wanted) + "' has another TTL");
  }
  return {};
}

Result<RestoredNamespace> Restore::restore_ids(const Item& item) {
  using Documents = std::map<std::string, std::string>;
  const auto look_up = [&](DocumentReader& reader, const Namespace& ns, const char* where) -> Result<Documents> {
    const std::vector<std::string_view> keys(options_.ids.begin(), options_.ids.end());
    Documents found;
    auto read = reader.find_by_ids(ns, keys, {}, [&](std::string_view document) {
      std::string key;
      append_canonical_key(document, &key);
      found[key] = document;
    });
    if (!read) return read.error().in(where);
    return found;
  };
  auto wanted = look_up(*source_reader_, scope_.to_backup(item.info.ns), "backup");
  if (!wanted) return wanted.error();
  auto present = look_up(*target_reader_, item.target, "target");
  if (!present) return present.error();
  std::vector<WriteItem> removals;
  std::vector<WriteItem> inserts;
  RestoredNamespace done;
  for (const std::string& id : options_.ids) {
    std::string key;
    append_canonical_key(id, &key);
    const auto found = wanted->find(key);
    if (found == wanted->end())
      return Error{ErrorKind::kNotFound, "the backup has no document " + to_json(id) + " in " + item.info.ns.full(), "",
                   0};
    ++done.documents;
    const auto there = present->find(key);
    if (there != present->end() && there->second == found->second) continue;
    if (there != present->end() && !options_.force) {
      return Error{
          ErrorKind::kRefused,
          "the target holds another document " + to_json(id) + " in " + item.target.full() + "; nothing was changed",
          "--force replaces it", 0};
    }
    if (there != present->end()) removals.push_back({WriteItem::Kind::kDelete, id, {}});
    inserts.push_back({WriteItem::Kind::kInsert, id, found->second});
  }
  if (item.before == TargetState::kAbsent) {
    auto created = schema_->create_collection(item.target, item.info.options);
    if (!created) return created.error().in("target");
    DUALSYNC_TRY(restore_indexes(item, false));
  }
  const auto writer = target_.make_writer();
  for (const auto& items : {removals, inserts}) {
    if (items.empty()) continue;
    auto outcomes = writer->write(item.target, items);
    if (!outcomes) return outcomes.error().in("target");
    for (const WriteOutcome& outcome : *outcomes) {
      if (!outcome.ok) return outcome.error.in("target");
    }
  }
  done.written = inserts.size();
  present = look_up(*target_reader_, item.target, "target");
  if (!present) return present.error();
  if (*present != *wanted)
    return refused(item.target, "the documents differ from the backup's after they were written");
  if (item.before == TargetState::kAbsent) DUALSYNC_TRY(restore_indexes(item, true));
  return done;
}

}  // namespace dualsync
