#include "dualsync/pipeline/archive_keeper.h"

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"
#include "dualsync/model/archive_name.h"

namespace dualsync {
namespace {

constexpr std::string_view kState = "archives";
constexpr std::chrono::hours kLookEvery{1};

}  // namespace

Result<ArchiveKeeper::FirstSeen> ArchiveKeeper::load() const {
  FirstSeen seen;
  auto kept = context_.queue.get_state(kState);
  if (!kept) return kept.error();
  bson_iter_t iter;
  if (!*kept || !iterate_bson(**kept, &iter)) return seen;
  while (bson_iter_next(&iter)) seen[bson_iter_key(&iter)] = bson_iter_as_int64(&iter);
  return seen;
}

Result<void> ArchiveKeeper::save(const FirstSeen& seen) {
  if (seen.empty()) return context_.queue.put_state(kState, {});
  BsonDoc doc;
  for (const auto& [name, seconds] : seen) bson_append_int64(doc.get(), name.c_str(), -1, seconds);
  return context_.queue.put_state(kState, doc.bytes());
}

Result<std::vector<Namespace>> ArchiveKeeper::find_archives(DocumentReader& backup) const {
  std::vector<std::string> databases;
  if (const std::string& single = context_.scope.single_database(); !single.empty()) {
    databases.push_back(context_.scope.backup_database(single));
  } else {
    auto listed = backup.list_databases();
    if (!listed) return listed.error();
    for (const std::string& db : *listed) {
      if (context_.scope.contains_database(context_.scope.local_database(db))) databases.push_back(db);
    }
  }
  std::vector<Namespace> found;
  for (const std::string& db : databases) {
    auto collections = backup.list_collections(db);
    if (!collections) return collections.error();
    for (const CollectionInfo& info : *collections) {
      if (info.type == CollectionInfo::Type::kCollection && is_archive_name(info.ns.collection))
        found.push_back(info.ns);
    }
  }
  return found;
}

Result<void> ArchiveKeeper::look() {
  auto writer = context_.backup.make_schema_writer();
  auto backup = context_.backup.make_reader();
  auto now = backup->cluster_time();
  if (!now) return now.error();
  auto archives = find_archives(*backup);
  if (!archives) return archives.error();
  auto before = load();
  if (!before) return before.error();
  const std::int64_t retention =
      std::chrono::duration_cast<std::chrono::seconds>(context_.options.drop_retention).count();
  FirstSeen seen;
  for (const Namespace& archive : *archives) {
    const auto known = before->find(archive.full());
    const std::int64_t since = known == before->end() ? now->t : known->second;
    if (retention == 0 || now->t - since < retention) {
      seen[archive.full()] = since;
      continue;
    }
    auto dropped = writer->drop(archive);
    if (!dropped && dropped.error().kind != ErrorKind::kNotFound) return dropped;
    log::info("ddl", "old archive removed from the backup",
              {{"archive", archive.full()}, {"age_seconds", now->t - since}});
  }
  return seen == *before ? Result<void>() : save(seen);
}

Result<void> ArchiveKeeper::tend() {
  if (looked_ && context_.clock.now() - *looked_ < kLookEvery) return {};
  if (!context_.breaker.closed() || !context_.may_write()) return {};
  looked_ = context_.clock.now();
  const auto done = look();
  if (done || done.error().kind == ErrorKind::kIo) return done;
  log::warn("ddl", "old archives could not be looked for; tried again in an hour", {{"error", done.error().message}});
  return {};
}

}  // namespace dualsync
