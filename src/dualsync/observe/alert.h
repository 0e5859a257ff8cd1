// What is news between two pictures of the mirror, and its JSON: a contract, docs/alerts.md.
//
// Threads  pure; any
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dualsync/model/status.h"

namespace dualsync {

struct Alert {
  std::string event;                // verdict, dead-letters, overflow, gap, conflict
  std::string message;              // one sentence
  std::uint64_t count = 0;          // how many are new; of a verdict: 0
  std::optional<Verdict> previous;  // of a verdict
};

// `before`: none at the start, where only a verdict that is not healthy is news. Counters that fell mean that the queue
// is another one: no news.
std::vector<Alert> news(const Status* before, const Status& now);

// One line. `lost`: alerts that were dropped before this one, because nobody took them.
std::string alert_json(const Alert& alert, const Status& now, const std::string& host, std::int64_t now_ms,
                       std::uint64_t lost);

}  // namespace dualsync
