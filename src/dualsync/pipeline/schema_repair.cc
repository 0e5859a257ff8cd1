#include "dualsync/pipeline/schema_repair.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/collection_schema.h"
#include "dualsync/pipeline/refusal.h"
#include "dualsync/pipeline/schema_compare.h"

namespace dualsync {
namespace {

using Type = CollectionInfo::Type;
constexpr std::uint32_t kArchiveNameTries = 100;

// Dropped already is as good; servers before 7.0 tell it.
Result<void> drop(SchemaWriter& schema, const Namespace& ns) {
  auto dropped = schema.drop(ns);
  return dropped || dropped.error().kind == ErrorKind::kNotFound ? Result<void>() : dropped;
}

Result<void> archive(SchemaWriter& schema, const Namespace& ns, OpTime when) {
  for (std::uint32_t serial = when.i; serial < when.i + kArchiveNameTries; ++serial) {
    const Namespace archive{ns.db, archive_name(ns.db, ns.collection, when.t, serial)};
    auto renamed = schema.rename(ns, archive, false);
    DUALSYNC_MARK("archived");
    if (renamed) {
      log::info("ddl", "dropped collection archived on the backup",
                {{"namespace", ns.full()}, {"archive", archive.full()}});
      return {};
    }
    if (renamed.error().kind == ErrorKind::kNotFound) return {};
    if (renamed.error().kind != ErrorKind::kConflict) return renamed;
  }
  return Error{ErrorKind::kRefused, "no free archive name for " + ns.full(),
               "remove old __dropped_ collections from the backup", 0};
}

}  // namespace

Result<std::optional<CollectionInfo>> find_collection(DocumentReader& reader, const Namespace& ns) {
  auto collections = reader.list_collections(ns.db);
  if (!collections) return collections.error();
  for (CollectionInfo& info : *collections) {
    if (info.ns == ns) return std::optional<CollectionInfo>(std::move(info));
  }
  return std::optional<CollectionInfo>();
}

Result<void> remove_collection(PipelineContext& context, DocumentReader& backup, SchemaWriter& schema,
                               const Namespace& ns, OpTime when, Removal why) {
  const OnDrop on_drop = context.options.on_drop;
  if (on_drop == OnDrop::kKeep && why == Removal::kDropped) return {};
  if (on_drop == OnDrop::kMirror) return drop(schema, ns);
  auto there = find_collection(backup, ns);
  if (!there) return there.error();
  if (!*there) return {};
  if ((*there)->type != Type::kCollection) return drop(schema, ns);
  auto empty = backup.is_empty(ns);
  if (!empty) return empty.error();
  return *empty ? drop(schema, ns) : archive(schema, ns, when);
}

Result<void> SchemaRepair::refused(std::string_view change, const CollectionInfo& local, const Error& why) {
  log::error("schema", "the backup refuses what local has: dead letter",
             {{"namespace", local.ns.full()}, {"type", change}, {"error", why.message}, {"hint", why.hint}});
  const OpTime now = context_.queue.position().time;
  Operation op;
  op.kind = OpKind::kDdl;
  op.ns = local.ns;
  op.time = now;
  op.enqueued_ms = context_.clock.unix_ms();
  op.payload = schema_event(change, local.ns, local.uuid, now, local.options);
  return context_.queue.set_schema_aside(op.view(), why);
}

Result<bool> SchemaRepair::prepare(const CollectionInfo& local) {
  const Namespace backup_ns = context_.scope.to_backup(local.ns);
  auto there = find_collection(backup_, backup_ns);
  if (!there) return there.error();
  if (*there && (*there)->type != local.type) {
    log::warn("schema", "the backup has something else of that name; local wins", {{"namespace", local.ns.full()}});
    auto removed =
        remove_collection(context_, backup_, schema_, backup_ns, context_.queue.position().time, Removal::kNameNeeded);
    if (!removed && !is_refusal(removed.error())) return removed.error();
    if (!removed) {
      DUALSYNC_TRY(refused("create", local, removed.error()));
      return false;
    }
    there->reset();
  }
  if (local.type == Type::kView) return replace_view(local, *there);
  return create(local);
}

Result<bool> SchemaRepair::replace_view(const CollectionInfo& local, const std::optional<CollectionInfo>& there) {
  // It holds nothing, and dropping it needs fewer rights than changing it.
  if (there && different_options(local.options, there->options).empty()) return true;
  if (there) {
    auto dropped = drop(schema_, context_.scope.to_backup(local.ns));
    if (!dropped && !is_refusal(dropped.error())) return dropped.error();
  }
  return create(local);
}

Result<bool> SchemaRepair::create(const CollectionInfo& local) {
  const Namespace backup_ns = context_.scope.to_backup(local.ns);
  auto created = schema_.create_collection(backup_ns, local.options);
  if (created) return true;
  if (!is_refusal(created.error())) return created.error();
  if (local.type != Type::kCollection) {
    DUALSYNC_TRY(refused("create", local, created.error()));
    return false;
  }
  // A backup without an option is better than none; restoring needs the documents most of all.
  const auto plain = schema_.create_collection(backup_ns, bounds_of(local.options));
  // Whoever may not even do that may not write there at all: it is tried again until the right is given.
  if (!plain && (!is_refusal(plain.error()) || plain.error().kind == ErrorKind::kDenied)) return plain.error();
  DUALSYNC_TRY(refused("create", local, created.error()));
  return plain.ok();
}

// As far as they can be changed; what is left (a collation) is for a person, and verify names it.
Result<void> SchemaRepair::repair_options(const CollectionInfo& local) {
  const Namespace backup_ns = context_.scope.to_backup(local.ns);
  auto there = find_collection(backup_, backup_ns);
  if (!there) return there.error();
  if (!*there) return {};
  if (const std::string changes = option_repairs(local.options, (*there)->options); !changes.empty()) {
    log::info("schema", "options of the backup's collection are set as local has them",
              {{"namespace", local.ns.full()}});
    auto modified = schema_.modify_collection(backup_ns, changes);
    if (!modified && !is_refusal(modified.error())) return modified;
    if (!modified) return refused("modify", local, modified.error());
    there = find_collection(backup_, backup_ns);
    if (!there) return there.error();
  }
  // What no collMod can give it stays what it was refused for.
  if (!*there || !different_options(local.options, (*there)->options).empty()) return {};
  return context_.queue.forget_schema_letters(local.ns);
}

Result<void> SchemaRepair::finish(const CollectionInfo& local, const std::vector<std::string>& wanted,
                                  bool keep_extra) {
  DUALSYNC_TRY(repair_options(local));
  if (local.type == Type::kView) return {};
  return indexes_.synchronise(local.ns, wanted, backup_, keep_extra);
}

Result<void> SchemaRepair::remove(const Namespace& ns) {
  auto removed = remove_collection(context_, backup_, schema_, context_.scope.to_backup(ns),
                                   context_.queue.position().time, Removal::kDropped);
  if (removed) return context_.queue.forget_schema_letters(ns);
  if (!is_refusal(removed.error())) return removed;
  CollectionInfo gone;
  gone.ns = ns;
  return refused("drop", gone, removed.error());
}

}  // namespace dualsync
