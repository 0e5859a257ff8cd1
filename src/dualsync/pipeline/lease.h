// Lease: who may write to the backup. A state machine without threads, network or a clock of its own.
//
// Rule     the holder may send only what ends, or times out, while its lease lasts: counted from before the last
// renewal
//          that is known to have succeeded was sent. A successor takes the lease once the record has not changed for
//          its duration and the time-out of a command, on the successor's own clock. No clock is compared with another
// Rule     every write of the record is conditional on the record that was read, so that of two only one wins, and a
//          renewal that arrives late changes nothing
// Rule     a process of the same data directory on the same boot of the same machine takes the lease at once: the lock
//          of the data directory proves that the one before it is gone
// Use      loop: request(now) -> send it -> answer(); while there is none, sleep until wake_at()
// Threads  one owner
#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "dualsync/base/clock.h"
#include "dualsync/ports/backup_state.h"

namespace dualsync {

struct LeaseOptions {
  std::chrono::milliseconds duration{60'000};
  std::chrono::milliseconds timeout{40'000};  // of one command to the backup, reconnecting included
};

class Lease {
 public:
  enum class State : std::uint8_t {
    kSeeking,   // nothing is known of the backup yet
    kWatching,  // somebody has it; whether that one is alive is not known yet
    kHeld,      // ours, though it may have run out while the backup could not be reached
    kRefused,   // somebody else has it and is alive; final
    kLost,      // it was ours, and somebody else took it; final
  };

  Lease(LeaseOptions options, LeaseHolder me);

  struct Read {};
  struct Write {
    std::optional<LeaseRecord> expected;
    LeaseRecord next;
  };
  using Request = std::variant<Read, Write>;

  // What to send now; nothing before wake_at(), and nothing in a final state. `now` counts as the time of sending.
  std::optional<Request> request(BootTime now);
  BootTime wake_at() const { return wake_at_; }

  // The answer to the last request, received at `now`.
  void read_answer(const std::optional<LeaseRecord>& record, BootTime now);
  void write_answer(bool won, BootTime now);
  // Nothing is known: a write may have happened.
  void no_answer(BootTime now);

  // True if a command that is sent at `now` ends while the lease lasts.
  bool may_write(BootTime now) const;
  // What gives the lease up; nothing if it is not ours. Only once nothing of ours is on its way any more.
  std::optional<Write> give_up() const;

  State state() const { return state_; }
  bool final() const { return state_ == State::kRefused || state_ == State::kLost; }
  // The newest record of ours that is known to be stored (kHeld).
  const LeaseRecord& mine() const { return mine_; }
  // The one who has it (kWatching, kRefused, kLost).
  const LeaseHolder& other() const { return seen_.holder; }
  // How long a holder that does not move is watched (kWatching).
  std::chrono::milliseconds watch_time() const;

 private:
  void take(const std::optional<LeaseRecord>& expected);
  void watch(const LeaseRecord& record, BootTime now);
  bool same_place(const LeaseHolder& holder) const;
  void next(std::optional<Request> request, BootTime at);

  const LeaseOptions options_;
  const LeaseHolder me_;
  State state_ = State::kSeeking;
  std::optional<Request> request_ = Read{};  // the next one
  BootTime wake_at_;
  BootTime sent_at_;
  LeaseRecord mine_;      // kHeld: the newest one known to be stored
  BootTime lasts_until_;  // kHeld
  LeaseRecord seen_;      // of another
  BootTime seen_at_;      // when it was seen first, unchanged since
};

}  // namespace dualsync
