// A clock that a test moves.
#pragma once

#include <atomic>

#include "dualsync/base/clock.h"

namespace dualsync::test {

class FakeClock final : public Clock {
 public:
  SteadyTime now() const override { return SteadyTime(std::chrono::milliseconds(ms_.load())); }
  std::int64_t unix_ms() const override { return 1'764'442'800'000 + ms_.load(); }
  void advance(std::chrono::milliseconds by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'000'000};
};

}  // namespace dualsync::test
