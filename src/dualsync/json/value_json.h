// What commands and API print alike: values of the model -> JSON. The member names are a contract, see docs/cli.md.
//
// Threads  pure; any
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dualsync/model/drill_report.h"
#include "dualsync/model/held_deletes.h"
#include "dualsync/model/queue_listing.h"
#include "dualsync/model/withheld.h"

namespace dualsync {

nlohmann::ordered_json op_time_json(OpTime time);             // {"t": s, "i": n}, or null
nlohmann::ordered_json id_value(const std::string& id_json);  // canonical Extended JSON as the value it tells of
nlohmann::ordered_json differences_json(const std::vector<Difference>& differences);
nlohmann::ordered_json drill_report_json(const DrillReport& report);
nlohmann::ordered_json queue_listing_json(const QueueListing& listing);  // keys only, never content
nlohmann::ordered_json held_json(const std::vector<HeldDeletes>& held);  // one entry for each collection
nlohmann::ordered_json held_documents_json(const WithheldPage& page);

}  // namespace dualsync
