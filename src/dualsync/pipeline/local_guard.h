// LocalGuard: the wrong local must never win. Knows which local our position and the backup belong to, and lets no read
// of another one take effect.
//
// Rule     every read of local is confirmed after it: the server process that answers now is one that was found right.
//          A server that answered before cannot come back after its successor, so the read was of a right one, too
// Rule     the marker's count is raised on local first, then kept in the queue, then on the backup: neither is ever
// ahead Threads  any Errors   confirm(): kConflict: this is not our local; kConnectivity, kIo Source
// docs/identity-and-lease.md
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/model/status.h"
#include "dualsync/ports/local_probe.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

// Names in the queue's state.
inline constexpr std::string_view kStateInstallation = "installation";  // a random id, made at the first start
inline constexpr std::string_view kStateIdentity = "identity";
inline constexpr std::string_view kStateAdopt = "adopt";  // a person said that local is right, whatever the backup says
inline constexpr std::string_view kStateCompareAll =
    "compare-all";  // and capture starts with a comparison of everything

// The local that the queue's operations came from; nothing: none was ever read.
std::optional<LocalIdentity> known_local(const SyncQueue& queue);

class LocalGuard {
 public:
  // `new_marker`: the id of the marker, if local has none yet.
  LocalGuard(std::unique_ptr<LocalProbe> probe, std::string new_marker, SyncQueue& queue, const Clock& clock);

  Result<void> confirm() DUALSYNC_EXCLUDES(probing_, mutex_);
  // Called as changes come in: raises the marker from time to time, so that an older copy of local can be told.
  void changes_came();

  // What the backup says; nullopt: it belongs to nobody yet.
  void backup_belongs_to(const std::optional<LocalIdentity>& identity);
  // The backup has our identity now.
  Result<void> adopted();

  // Of the local that was confirmed; nothing before, and while it is the wrong one.
  std::optional<LocalIdentity> identity() const;
  bool first_start() const;  // nothing is known of any local

  struct View {
    LocalTrust trust = LocalTrust::kUnknown;
    std::string cause;
  };
  View view() const;

 private:
  std::optional<std::string> why_wrong(const FoundLocal& found) const DUALSYNC_REQUIRES(mutex_);
  Error wrong(const FoundLocal& found, const std::string& why) DUALSYNC_REQUIRES(mutex_);
  Result<void> raise_marker(FoundLocal* found) DUALSYNC_REQUIRES(probing_);

  SyncQueue& queue_;
  const Clock& clock_;
  const std::string new_marker_;
  Mutex probing_;  // held while local is asked
  const std::unique_ptr<LocalProbe> probe_ DUALSYNC_GUARDED_BY(probing_);
  bool marker_refused_ DUALSYNC_GUARDED_BY(probing_) = false;
  std::atomic<SteadyTime::rep> raise_at_{0};

  mutable Mutex mutex_;
  LocalTrust trust_ DUALSYNC_GUARDED_BY(mutex_) = LocalTrust::kUnknown;
  std::string cause_ DUALSYNC_GUARDED_BY(mutex_);
  std::string instance_ DUALSYNC_GUARDED_BY(mutex_);                 // server process that was found right
  std::optional<LocalIdentity> stored_ DUALSYNC_GUARDED_BY(mutex_);  // as in the queue
  std::optional<LocalIdentity> backup_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<FoundLocal> found_ DUALSYNC_GUARDED_BY(mutex_);
  OpTime read_up_to_ DUALSYNC_GUARDED_BY(mutex_);  // capture's position before found_ was asked for
  bool adopting_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

}  // namespace dualsync
