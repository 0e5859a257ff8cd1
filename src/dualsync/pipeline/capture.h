// Capture: change stream -> queue.
//
// Order    each batch is stored together with its position, so a restart goes on exactly there
// Rule     nothing is skipped: what is not understood becomes a touch or a dirty range. A lost position becomes dirty
//          ranges of everything in scope, and capture goes on from now
// Pace     after a few events it rests for `capture_pause` before it asks again: an application that writes without a
//          pause then shares its server with hundreds of questions a second, not with one for each write. What comes
//          after a silence is told at once, and who catches up does not rest
// Threads  run() is the thread; view() may be called by anyone
#pragma once

#include <set>
#include <stop_token>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/codec/event_decode.h"
#include "dualsync/pipeline/context.h"

namespace dualsync {

class Capture {
 public:
  explicit Capture(PipelineContext& context);

  // Returns when stopped (success), or when capture cannot go on at all: kUnsupported (standalone), or the queue is
  // damaged. While its disk fails, it waits.
  Result<void> run(std::stop_token stop);
  // Opens the stream where the queue stands and stores what comes until an error or a stop ends it.
  Result<void> step(std::stop_token stop);

  struct View {
    CaptureState state = CaptureState::kConnecting;
    std::string cause;
    std::int64_t silent_seconds = 0;  // since the stream last answered
  };
  View view() const;

 private:
  Result<void> open();
  Result<void> start_over(const Position& lost, const Error& cause);
  DirtyRange whole_scope(const std::string& reason, OpTime gap_start, bool first_copy) const;
  Result<void> stream(std::stop_token stop);
  void rest(std::size_t events, const std::stop_token& stop);
  Result<void> store(const ChangeBatch& batch);
  void add_event(std::string_view event, AppendBatch* out);
  void add_malformed(const DecodedEvent& event, AppendBatch* out);
  bool concerns_scope(const DecodedEvent& event);
  void tell_of_collision(const std::string& db);
  bool is_our_canary(const DecodedEvent& event) const;
  void tell_of_missing_image(const DecodedEvent& event);
  void set_state(CaptureState state, std::string cause);

  PipelineContext& context_;
  std::unique_ptr<ChangeSource> source_;
  bool invalidated_ = false;
  std::uint64_t generation_ = 0;        // of the queue whose position the stream continues
  std::set<Namespace> without_images_;  // that were told of
  std::set<std::string> collisions_;    // the same
  mutable Mutex mutex_;
  CaptureState state_ DUALSYNC_GUARDED_BY(mutex_) = CaptureState::kConnecting;
  std::string cause_ DUALSYNC_GUARDED_BY(mutex_);
  SteadyTime answered_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
