// ScopeKeeper: the queue knows what was mirrored so far, and under which names. What a change of the settings brings in
// is a dirty range: no change of it was ever captured before.
//
// Shape    the queue's state `scope`: BSON {local, backup, included, excluded, map}. The dirty range of a change (of a
//          database, or all) has in its `progress` the scope of before: what that held under the same name is known
// Order    the dirty range is stored before the scope: if the process ends in between, the change is noticed again
// Threads  capture's
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/scope.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

inline constexpr std::string_view kStateScope = "scope";  // name in the queue's state

std::string encode_scope(const ScopeOptions& scope);
std::optional<ScopeOptions> decode_scope(std::string_view bytes);  // nothing: it is none

class ScopeKeeper {
 public:
  ScopeKeeper(SyncQueue& queue, const Scope& scope) : queue_(queue), scope_(scope) {}

  // Before the stream is read on: what is in scope now and was not when the queue was last used is marked.
  Result<void> mark_new();
  // Everything in scope is marked already.
  Result<void> keep();

 private:
  SyncQueue& queue_;
  const Scope& scope_;
};

// Whether a range that mark_new() made concerns `ns`; any other range concerns all.
class ScopeChange {
 public:
  explicit ScopeChange(std::string_view progress);
  bool concerns(const Scope& now, const Namespace& ns) const {
    return !before_ || !before_->contains(ns) || before_->to_backup(ns) != now.to_backup(ns);
  }

 private:
  std::optional<Scope> before_;
};

}  // namespace dualsync
