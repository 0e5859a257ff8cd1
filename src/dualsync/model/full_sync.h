// A full sync that somebody asked for: what of it, and how far it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/namespace.h"

namespace dualsync {

struct FullSyncRequest {
  std::vector<std::string> namespaces;  // patterns as Scope has them; empty: everything in scope
  bool keep_extra = false;              // what only the backup has stays there
  bool only_ours = false;               // collections that were never mirrored from here stay, too
};

struct FullSyncPart {
  enum class State : std::uint8_t { kWaiting, kRunning, kDone };
  Namespace ns;
  State state = State::kWaiting;
  std::uint64_t documents_total = 0;  // the server's estimate when it was asked for
  std::uint64_t documents_done = 0;   // of local, since this process began with it
  std::uint64_t repairs = 0;          // documents that differed, if only because their change was still on its way
  std::uint64_t kept = 0;             // only on the backup, and left there
};
constexpr std::string_view to_string(FullSyncPart::State state) {
  switch (state) {
    case FullSyncPart::State::kWaiting: return "waiting";
    case FullSyncPart::State::kRunning: return "running";
    case FullSyncPart::State::kDone: return "done";
  }
  return "unknown";
}

struct FullSyncStatus {
  enum class State : std::uint8_t { kNone, kRunning, kDone, kCancelled };
  State state = State::kNone;
  std::uint64_t id = 0;  // of the newest one; 0: there was none
  bool keep_extra = false;
  std::int64_t started_ms = 0;
  std::int64_t finished_ms = 0;  // 0: it has not
  std::vector<FullSyncPart> parts;
  double documents_per_second = 0;
  std::optional<std::int64_t> eta_seconds;  // not known at first

  std::uint64_t parts_done() const {
    std::uint64_t done = 0;
    for (const FullSyncPart& part : parts) done += part.state == FullSyncPart::State::kDone ? 1 : 0;
    return done;
  }
};
constexpr std::string_view to_string(FullSyncStatus::State state) {
  switch (state) {
    case FullSyncStatus::State::kNone: return "none";
    case FullSyncStatus::State::kRunning: return "running";
    case FullSyncStatus::State::kDone: return "done";
    case FullSyncStatus::State::kCancelled: return "cancelled";
  }
  return "unknown";
}

}  // namespace dualsync
