// How far a long command is, on stderr.
//
// Threads  one owner
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/cli/render_verify.h"
#include "dualsync/cli/terminal.h"
#include "dualsync/model/status.h"

namespace dualsync {

// Draws one line that is overwritten, at most a few times a second; without a terminal, a line now and then.
class ProgressLine {
 public:
  ProgressLine(std::ostream& stream, bool drawn)
      : stream_(stream), drawn_(drawn), start_(system_clock().now()), last_(drawn ? SteadyTime{} : start_) {}

  void show(const CopyStatus& progress) {
    const SteadyTime now = system_clock().now();
    if (now - last_ < (drawn_ ? kInterval : kPlainInterval)) return;
    last_ = now;
    const std::string text = render_progress(progress, std::chrono::duration<double>(now - start_).count());
    if (drawn_) {
      shown_ = true;
      stream_ << kClearLine << text << std::flush;
    } else {
      stream_ << text << std::endl;
    }
  }
  void clear() {
    if (shown_) stream_ << kClearLine << std::flush;
  }

 private:
  static constexpr std::chrono::milliseconds kInterval{200};
  static constexpr std::chrono::seconds kPlainInterval{10};
  std::ostream& stream_;
  const bool drawn_;
  const SteadyTime start_;
  SteadyTime last_;
  bool shown_ = false;
};

}  // namespace dualsync
