// check_uri: what a MongoDB URI says, and whether we accept it.
//
// Rule     neither a CheckedUri's hosts nor any message holds a password
// Errors   kInvalidArgument: names the setting, what is wrong and what is allowed
#pragma once

#include <string>
#include <string_view>

#include "dualsync/base/result.h"

namespace dualsync {

struct UriRules {
  std::string name;             // the setting, for messages: "MONGODB_ATLAS_URI"
  bool require_tls = false;     // TLS is required unless every host is this machine
  bool allow_insecure = false;  // accepts options that switch the checks of certificates off
};

struct CheckedUri {
  std::string uri;       // as given, with its credentials: only for the driver
  std::string database;  // empty if it names none
  std::string hosts;     // "db.example.net:27017,localhost:27018", or the SRV name
  bool srv = false;      // mongodb+srv
  bool tls = false;
  bool all_loopback = false;  // every host is this machine
};

Result<CheckedUri> check_uri(std::string_view uri, const UriRules& rules);

// 127.0.0.0/8, ::1, localhost, or the path of a Unix socket.
bool is_loopback_host(std::string_view host);

}  // namespace dualsync
