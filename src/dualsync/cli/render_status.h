// Status -> the text of `dualsync status`.
//
// Shape    one line with verdict and RPO, aligned lines below, then the reasons with what to do
// Threads  pure; any
#pragma once

#include <string>

#include "dualsync/cli/terminal.h"
#include "dualsync/model/status.h"

namespace dualsync {

std::string render_status(const Status& status, const Style& style);

// "2026-11-22 18:30:00 UTC"; "none yet" for null.
std::string utc_text(OpTime time);

}  // namespace dualsync
