// ServerFacts: what a server says of itself in `hello` and `buildInfo`.
#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <string>
#include <tuple>

#include "dualsync/model/op_time.h"

namespace dualsync {

struct ServerFacts {
  std::string version;  // "7.0.14"
  int major = 0;
  int minor = 0;
  int patch = 0;
  std::string set_name;                             // empty: a standalone or a mongos
  std::int64_t max_bson_size = 16LL * 1024 * 1024;  // bytes; the server's default until it says otherwise
  bool is_mongos = false;
  // False for SecantusDB (seen with 0.5.3), which leaves out the sort {_id: 1} of a find with min or max.
  bool sorts_bounded_scans = true;
  // False for SecantusDB (seen with 0.5.3), which gives its replica set a new id at every start.
  bool lasting_set_id = true;
  OpTime operation_time;  // newest cluster time when it answered; null on a standalone

  bool at_least(int wanted_major, int wanted_minor, int wanted_patch = 0) const {
    return std::tie(major, minor, patch) >= std::tie(wanted_major, wanted_minor, wanted_patch);
  }
  // Change streams and cluster times exist on replica sets and sharded clusters only.
  bool is_standalone() const { return set_name.empty() && !is_mongos; }
};

// Fields that are missing keep their defaults.
ServerFacts read_server_facts(const bson_t& hello, const bson_t& build_info);

// The cluster time that every reply of a replica set carries; null if there is none.
OpTime operation_time_of(const bson_t& reply);

// A timestamp field of a document, at a dotted path; null if there is none.
OpTime timestamp_at(const bson_t& document, const char* path);

}  // namespace dualsync
