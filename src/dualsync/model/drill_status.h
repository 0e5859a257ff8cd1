// A drill that the daemon makes: what of, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/drill_report.h"

namespace dualsync {

struct DrillOrder {
  std::vector<std::string> namespaces;  // patterns as Scope has them; empty: everything in scope
  CompareLocal compare = CompareLocal::kAuto;
};

struct DrillStatus {
  enum class State : std::uint8_t { kNone, kRunning, kProven, kNotProven, kFailed };
  State state = State::kNone;
  std::uint64_t id = 0;    // of the newest one; 0: there was none
  bool scheduled = false;  // nobody asked for it
  std::int64_t started_ms = 0;
  std::int64_t finished_ms = 0;       // 0: it has not
  std::string error;                  // kFailed: why; nothing is proven either way
  std::optional<DrillReport> report;  // kProven, kNotProven
};
constexpr std::string_view to_string(DrillStatus::State state) {
  switch (state) {
    case DrillStatus::State::kNone: return "none";
    case DrillStatus::State::kRunning: return "running";
    case DrillStatus::State::kProven: return "proven";
    case DrillStatus::State::kNotProven: return "not-proven";
    case DrillStatus::State::kFailed: return "failed";
  }
  return "unknown";
}

}  // namespace dualsync
