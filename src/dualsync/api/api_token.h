// The API's bearer token and address, as files in the data directory, where the command line finds them.
//
// Shape    api-token: 64 hex digits (32 random bytes) and a newline; api-address: "127.0.0.1:8787" and a newline.
//          Both are mode 0600 and replaced in one step: a reader sees the old content or the new one.
// Errors   kIo: the directory cannot be read or written. kDenied: others may read the token file
// Threads  one process owns the directory
#pragma once

#include <string>

#include "dualsync/base/result.h"
#include "dualsync/config/settings.h"

namespace dualsync {

// SYNC_API_TOKEN, else what api-token holds, else a new one, stored there. The directory must exist.
Result<std::string> load_or_create_api_token(const Settings& settings);

// Says where the API listens; the port may be one that the system chose.
Result<void> write_api_address(const std::string& data_dir, const ListenAddress& address);

// At the end of the daemon, so that the command line does not ask a stranger on that port. A missing file is fine.
void remove_api_address(const std::string& data_dir);

}  // namespace dualsync
