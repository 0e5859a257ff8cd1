// What `dualsync doctor` found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dualsync {

struct CheckOutcome {
  enum class State : std::uint8_t { kOk, kWarning, kFailed, kSkipped };
  std::string name;  // stable, for programs: "local-replica-set"
  State state = State::kOk;
  std::string message;  // what is so
  std::string hint;     // what to do; empty where there is nothing to do
};
constexpr std::string_view to_string(CheckOutcome::State state) {
  switch (state) {
    case CheckOutcome::State::kOk: return "ok";
    case CheckOutcome::State::kWarning: return "warning";
    case CheckOutcome::State::kFailed: return "failed";
    case CheckOutcome::State::kSkipped: return "skipped";
  }
  return "unknown";
}

struct DoctorReport {
  std::vector<CheckOutcome> checks;  // in the order in which somebody would put things right

  std::size_t count(CheckOutcome::State state) const {
    return static_cast<std::size_t>(
        std::count_if(checks.begin(), checks.end(), [&](const CheckOutcome& one) { return one.state == state; }));
  }
  bool sound() const { return count(CheckOutcome::State::kFailed) == 0; }
};

}  // namespace dualsync
