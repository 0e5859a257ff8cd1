// History: what the mirror was like in each minute of the last day, kept beside the queue.
//
// Shape    <data>/history: a JSON object a line; lines that cannot be read are left out. Bounded: rewritten as a whole
//          when twice a day's minutes are in it
// Threads  look() one; report() any
// Errors   none: what cannot be written is logged once, and the report then begins with this process
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/observe/day_report.h"

namespace dualsync {

class History {
 public:
  History(const std::string& data_dir, std::int64_t now_ms);

  // A new picture of the mirror, about once a second.
  void look(const Status& status, std::int64_t now_ms) DUALSYNC_EXCLUDES(mutex_);
  DayReport report(const Status& now, std::int64_t now_ms) const DUALSYNC_EXCLUDES(mutex_);

 private:
  void load();
  void begin_minute(const Status& status, std::int64_t now_ms);
  MinuteSample so_far(const Status& status, std::int64_t now_ms) const;
  void append(const MinuteSample& sample) DUALSYNC_EXCLUDES(mutex_);
  bool rewrite() DUALSYNC_EXCLUDES(mutex_);

  const std::string path_;
  const std::int64_t started_ms_;
  // Of look()'s thread.
  std::size_t lines_ = 0;
  bool told_ = false;
  std::optional<Status> at_begin_;
  std::int64_t begun_ms_ = 0;
  std::int64_t last_look_ms_ = 0;
  MinuteSample minute_;

  mutable Mutex mutex_;
  std::deque<MinuteSample> samples_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<MinuteSample> current_ DUALSYNC_GUARDED_BY(mutex_);  // the minute that is not over
};

}  // namespace dualsync
