// Documents of the simulation: `_id`, then fields with whole numbers, in an order that counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dualsync/codec/bson_compare.h"
#include "dualsync/model/namespace.h"

namespace dualsync::sim {

using Fields = std::vector<std::pair<std::string, int>>;

struct ById {
  bool operator()(const std::string& a, const std::string& b) const { return compare_ids(a, b) < 0; }
};
struct Collection {
  std::string uuid;
  std::map<std::string, std::string, ById> documents;  // {_id: ...} -> document
};
using Data = std::map<Namespace, Collection>;

struct Id {
  int number = 0;
  bool wide = false;  // int64: equal to the int32 for MongoDB, but other bytes
};

std::string key_of(Id id);
std::string encode(Id id, const Fields& fields);
Fields decode(std::string_view document);  // without `_id`
Id id_of(std::string_view document);
int* find(Fields* fields, const std::string& name);

}  // namespace dualsync::sim
