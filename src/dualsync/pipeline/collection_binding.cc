#include "dualsync/pipeline/collection_binding.h"

namespace dualsync {
namespace {

std::string state_name(const Namespace& ns) { return std::string(kStateBound) + ns.full(); }

}  // namespace

Result<std::string> CollectionBinding::bound(const Namespace& ns) const {
  auto uuid = queue_.get_state(state_name(ns));
  if (!uuid) return uuid.error();
  return uuid->value_or("");
}

Result<std::set<std::string>> CollectionBinding::bound_databases() const {
  auto all = queue_.list_state(kStateBound);
  if (!all) return all.error();
  std::set<std::string> databases;
  for (const auto& [name, uuid] : *all) databases.insert(Namespace::parse(name).db);
  return databases;
}

Result<void> CollectionBinding::bind(const Namespace& ns, const std::string& uuid) {
  auto before = bound(ns);
  if (!before) return before.error();
  return *before == uuid ? Result<void>() : queue_.put_state(state_name(ns), uuid);
}

Result<bool> CollectionBinding::admits(const DdlEvent& event) const {
  if (event.uuid.empty()) return true;
  auto source = bound(event.ns);
  if (!source) return source.error();
  if (!source->empty() && *source != event.uuid) return false;
  if (event.type != DdlEvent::Type::kRename) return true;
  auto target = bound(event.to);
  if (!target) return target.error();
  return target->empty() || *target == event.target_uuid;
}

Result<void> CollectionBinding::follow(const DdlEvent& event) {
  switch (event.type) {
    case DdlEvent::Type::kCreate: return bind(event.ns, event.uuid);
    case DdlEvent::Type::kRename: DUALSYNC_TRY(bind(event.ns, "")); return bind(event.to, event.uuid);
    case DdlEvent::Type::kDrop: return bind(event.ns, "");
    case DdlEvent::Type::kDropDatabase:
    case DdlEvent::Type::kCreateIndexes:
    case DdlEvent::Type::kDropIndexes:
    case DdlEvent::Type::kModify: return {};
  }
  return {};
}

}  // namespace dualsync
