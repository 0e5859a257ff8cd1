#include "dualsync/config/config_check.h"

#include <fmt/format.h>

namespace dualsync {

std::string ListenAddress::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

bool ListenAddress::is_loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }

Result<void> require_backup(const Settings& settings) {
  if (!settings.atlas_uri.empty()) return {};
  return Error{ErrorKind::kInvalidArgument, "MONGODB_ATLAS_URI is not set",
               "put MONGODB_ATLAS_URI=mongodb+srv://user:password@cluster.example.net into .env or the environment; "
               "Atlas shows the right text under Connect > Drivers",
               0};
}

Result<void> check_settings(Settings* settings) {
  if (settings->batch_size > settings->batch_max) {
    return Error{ErrorKind::kInvalidArgument,
                 fmt::format("SYNC_BATCH_SIZE ({}) is larger than SYNC_BATCH_MAX ({})", settings->batch_size,
                             settings->batch_max),
                 "lower SYNC_BATCH_SIZE or raise SYNC_BATCH_MAX", 0};
  }
  if (!settings->atlas_uri.empty() && settings->atlas_uri == settings->local_uri) {
    return Error{ErrorKind::kInvalidArgument, "MONGODB_LOCAL_URI and MONGODB_ATLAS_URI are the same",
                 "a database cannot be its own backup: give MONGODB_ATLAS_URI the address of the Atlas cluster", 0};
  }
  if (!settings->http_listen.is_loopback()) {
    settings->warnings.push_back(
        fmt::format("SYNC_HTTP_LISTEN is {}, which other machines can reach: the API token crosses the network "
                    "unencrypted, so put a proxy with TLS in front",
                    settings->http_listen.to_string()));
  }
  return {};
}

}  // namespace dualsync
