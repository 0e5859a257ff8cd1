// BSON from Extended JSON, for tests.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "dualsync/codec/bson.h"

namespace dualsync::test {

inline std::string bson(std::string_view json) {
  bson_error_t error;
  bson_t* parsed =
      bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json.data()), static_cast<ssize_t>(json.size()), &error);
  if (parsed == nullptr) throw std::invalid_argument(std::string(error.message) + " in " + std::string(json));
  std::string bytes(bytes_of(*parsed));
  bson_destroy(parsed);
  return bytes;
}

// {_id: <json>}
inline std::string id_key(std::string_view json) { return bson("{\"_id\": " + std::string(json) + "}"); }

}  // namespace dualsync::test
