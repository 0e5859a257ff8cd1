// Which directory the daemon works in.
#pragma once

#include <string>

#include "dualsync/config/settings.h"

namespace dualsync {

// Makes SYNC_DATA_DIR usable by its owner only, or else SYNC_DATA_DIR_FALLBACK, which then takes its place in
// `settings`. Returns why the first could not be used; empty: it is used. kIo: neither can be written.
Result<std::string> prepare_data_dir(Settings* settings);

}  // namespace dualsync
