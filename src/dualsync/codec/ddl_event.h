// A DDL change event, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

struct DdlEvent {
  enum class Type : std::uint8_t { kCreate, kCreateIndexes, kDropIndexes, kModify, kRename, kDrop, kDropDatabase };
  Type type = Type::kCreate;
  std::string name;  // operationType
  Namespace ns;
  Namespace to;               // kRename
  bool drops_target = false;  // kRename
  std::string uuid;           // of the collection, 16 bytes; empty: not known (servers below 6.0)
  std::string target_uuid;    // kRename: of the collection that it replaced; empty: none, or not known
  bool timeseries = false;    // kCreate
  std::string description;    // operationDescription; an empty BSON document if there is none
  OpTime time;

  // The namespaces whose operations must stand before or behind this change.
  std::vector<Namespace> concerns() const;
  // The collection is no longer what its name stands for.
  bool moves() const { return type == Type::kRename || type == Type::kDrop || type == Type::kDropDatabase; }
};

// kCorruption: not a DDL event of a known type.
Result<DdlEvent> parse_ddl_event(std::string_view event);

// The definitions in `description.indexes`.
std::vector<std::string> index_definitions(const DdlEvent& event);

}  // namespace dualsync
