// DUALSYNC_CHECK: stops the program on a mistake of ours. On in release builds too: a mirror that goes on after a
// broken invariant writes wrong data to the backup, and a restart resumes without loss.
#pragma once

namespace dualsync {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace dualsync

#define DUALSYNC_CHECK(condition)                               \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::dualsync::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
