// on_threads(): the same work on several threads at once.
//
// Threads  `work` runs on `threads` threads of its own; returns when all have ended
// Errors   the first of those that failed
#pragma once

#include <optional>
#include <thread>
#include <vector>

#include "dualsync/base/result.h"

namespace dualsync {

template <typename Work>
Result<void> on_threads(std::size_t threads, const Work& work) {
  std::vector<std::optional<Error>> failures(threads);
  {
    std::vector<std::jthread> running;
    running.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
      running.emplace_back([&work, &failure = failures[i]] {
        if (Result<void> done = work(); !done) failure = done.error();
      });
    }
  }
  for (const auto& failure : failures) {
    if (failure) return *failure;
  }
  return {};
}

}  // namespace dualsync
