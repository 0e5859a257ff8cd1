#include "dualsync/codec/ddl_event.h"

#include <array>
#include <utility>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

using Type = DdlEvent::Type;
constexpr std::array<std::pair<std::string_view, Type>, 7> kTypes = {{{"create", Type::kCreate},
                                                                      {"createIndexes", Type::kCreateIndexes},
                                                                      {"dropIndexes", Type::kDropIndexes},
                                                                      {"modify", Type::kModify},
                                                                      {"rename", Type::kRename},
                                                                      {"drop", Type::kDrop},
                                                                      {"dropDatabase", Type::kDropDatabase}}};

Namespace read_namespace(const bson_iter_t& iter) {
  Namespace ns;
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &child)) return ns;
  while (bson_iter_next(&child)) {
    const std::string_view name = bson_iter_key(&child);
    if (name == "db") ns.db = iter_string(child).value_or(std::string_view());
    if (name == "coll") ns.collection = iter_string(child).value_or(std::string_view());
  }
  return ns;
}

void read_description(DdlEvent* event) {
  bson_iter_t iter;
  if (!iterate_bson(event->description, &iter)) return;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "to" && event->to.db.empty()) event->to = read_namespace(iter);
    if (name == "dropTarget") {
      event->drops_target = !BSON_ITER_HOLDS_BOOL(&iter) || bson_iter_bool(&iter);
      event->target_uuid = iter_binary(iter).value_or(std::string_view());
    }
    if (name == "timeseries") event->timeseries = true;
  }
}

}  // namespace

std::vector<Namespace> DdlEvent::concerns() const {
  if (type == Type::kDropDatabase) return {{ns.db, ""}};
  if (type == Type::kRename) return {ns, to};
  return {ns};
}

Result<DdlEvent> parse_ddl_event(std::string_view bytes) {
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return Error{ErrorKind::kCorruption, "DDL event: not BSON", "", 0};
  DdlEvent event;
  event.description = std::string("\x05\0\0\0\0", 5);
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "operationType") event.name = iter_string(iter).value_or(std::string_view());
    if (name == "ns") event.ns = read_namespace(iter);
    if (name == "to") event.to = read_namespace(iter);
    if (name == "collectionUUID") event.uuid = iter_binary(iter).value_or(std::string_view());
    if (name == "operationDescription" && BSON_ITER_HOLDS_DOCUMENT(&iter)) event.description = *iter_document(iter);
    if (name == "clusterTime" && BSON_ITER_HOLDS_TIMESTAMP(&iter))
      bson_iter_timestamp(&iter, &event.time.t, &event.time.i);
  }
  read_description(&event);
  for (const auto& [name, type] : kTypes) {
    if (name != event.name) continue;
    event.type = type;
    if (event.ns.db.empty()) break;
    return event;
  }
  return Error{ErrorKind::kCorruption, "DDL event: unknown operationType '" + event.name + "' or no namespace", "", 0};
}

std::vector<std::string> index_definitions(const DdlEvent& event) {
  std::vector<std::string> definitions;
  bson_iter_t iter;
  bson_iter_t child;
  if (!find_field(event.description, "indexes", &iter) || !bson_iter_recurse(&iter, &child)) return definitions;
  while (bson_iter_next(&child)) {
    if (const auto definition = iter_document(child)) definitions.emplace_back(*definition);
  }
  return definitions;
}

}  // namespace dualsync
