// A comparison that the daemon makes: what of, how far it is, and what it found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/verify_report.h"

namespace dualsync {

struct VerifyOrder {
  std::vector<std::string> namespaces;  // patterns as Scope has them; empty: everything in scope
  bool repair = false;                  // what differs is sent again, and compared once more
  bool quick = false;                   // what both servers' digests say is equal is not read
};

struct VerifyPart {
  enum class State : std::uint8_t { kWaiting, kRunning, kDone };
  Namespace ns;  // as local names it
  State state = State::kWaiting;
  std::uint64_t documents_total = 0;  // the server's estimate when it began
  std::uint64_t documents_done = 0;   // of local
  std::uint64_t difference_count = 0;
  std::uint64_t unsettled = 0;      // as NamespaceReport has it
  std::vector<std::string> schema;  // differences of indexes, options, views, in words
  std::uint64_t excepted = 0;       // as NamespaceReport has it
  std::uint64_t by_digest = 0;      // as NamespaceReport has it

  bool equal() const { return difference_count == 0 && schema.empty(); }
};
constexpr std::string_view to_string(VerifyPart::State state) {
  switch (state) {
    case VerifyPart::State::kWaiting: return "waiting";
    case VerifyPart::State::kRunning: return "running";
    case VerifyPart::State::kDone: return "done";
  }
  return "unknown";
}

// A namespace of which the newest comparison said that it differs.
struct KnownDifference {
  Namespace ns;
  std::uint64_t documents = 0;
  std::uint64_t schema = 0;     // of its indexes, options and views
  bool only_on_backup = false;  // the collection; no repair of a schedule removes it

  bool operator==(const KnownDifference&) const = default;
};

struct VerifyStatus {
  enum class State : std::uint8_t { kIdle, kRunning, kDone, kFailed };
  enum class Phase : std::uint8_t { kComparing, kRepairing, kProving };
  struct Named {
    Namespace ns;
    Difference difference;
  };

  State state = State::kIdle;
  Phase phase = Phase::kComparing;  // while it runs
  std::uint64_t id = 0;             // of the newest one; 0: there was none
  bool scheduled = false;           // nobody asked for it
  bool whole = false;               // of everything in scope
  bool repair = false;
  bool quick = false;
  std::int64_t started_ms = 0;
  std::int64_t finished_ms = 0;  // 0: it has not
  std::string error;             // kFailed: why; nothing is proven either way
  std::vector<VerifyPart> parts;
  std::vector<Named> differences;        // the first ones, bounded
  std::optional<bool> repaired;          // none: there was nothing to repair, or it was not to be
  OpTime verified_until;                 // kDone: what it has proven of everything in scope; null: nothing
  std::vector<KnownDifference> differs;  // what the newest comparisons know to differ at this moment

  std::uint64_t difference_count() const {
    std::uint64_t sum = 0;
    for (const VerifyPart& part : parts) sum += part.difference_count;
    return sum;
  }
  std::uint64_t by_digest() const {
    std::uint64_t sum = 0;
    for (const VerifyPart& part : parts) sum += part.by_digest;
    return sum;
  }
  std::uint64_t schema_count() const {
    std::uint64_t sum = 0;
    for (const VerifyPart& part : parts) sum += part.schema.size();
    return sum;
  }
  std::uint64_t unsettled() const {
    std::uint64_t sum = 0;
    for (const VerifyPart& part : parts) sum += part.unsettled;
    return sum;
  }
};
constexpr std::string_view to_string(VerifyStatus::State state) {
  switch (state) {
    case VerifyStatus::State::kIdle: return "idle";
    case VerifyStatus::State::kRunning: return "running";
    case VerifyStatus::State::kDone: return "done";
    case VerifyStatus::State::kFailed: return "failed";
  }
  return "unknown";
}
constexpr std::string_view to_string(VerifyStatus::Phase phase) {
  switch (phase) {
    case VerifyStatus::Phase::kComparing: return "comparing";
    case VerifyStatus::Phase::kRepairing: return "repairing";
    case VerifyStatus::Phase::kProving: return "proving";
  }
  return "unknown";
}

}  // namespace dualsync
