// Values of the mirror -> JSON bodies of the API. The member names are a contract, see docs/cli.md.
//
// Units    in the name: rpoSeconds, avgSyncTime is milliseconds (a name that applications already use)
// Threads  pure; any
#pragma once

#include <nlohmann/json.hpp>

#include "dualsync/model/dead_letter.h"
#include "dualsync/model/status.h"

namespace dualsync {

nlohmann::ordered_json metrics_json(const Status& status);  // GET /api/sync/metrics
nlohmann::ordered_json health_json(const Status& status);   // GET /api/sync/health
nlohmann::ordered_json status_json(const Status& status);   // GET /api/sync/status
// GET /api/sync/dead-letters: `letters` are the oldest of `total`. Keys only, never content.
nlohmann::ordered_json dead_letters_json(const std::vector<DeadLetter>& letters, std::uint64_t total);
nlohmann::ordered_json pause_json(const Status& status);       // POST /api/sync/pause and /resume
nlohmann::ordered_json wait_json(const WaitOutcome& outcome);  // POST /api/sync/wait

int health_http_status(Verdict verdict);  // 200, 200, 503

}  // namespace dualsync
