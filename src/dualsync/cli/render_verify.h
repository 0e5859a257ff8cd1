// VerifyReport -> text and JSON of `dualsync verify`.
//
// Threads  pure; any
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "dualsync/cli/terminal.h"
#include "dualsync/model/status.h"
#include "dualsync/model/verify_report.h"

namespace dualsync {

std::string render_verify(const VerifyReport& report, const Style& style);
nlohmann::ordered_json verify_json(const VerifyReport& report);

// The differing documents and what else is wrong with one collection, as verify and drill show it.
std::string render_differences(const NamespaceReport& report, const Style& style);

// One line without an end: "2 of 5 collections, 12,000 of about 336,776 documents, 41,200/s, now shop.orders".
std::string render_progress(const CopyStatus& progress, double seconds);

}  // namespace dualsync
