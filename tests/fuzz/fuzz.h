// What every fuzzer begins with: FUZZ(name, input) { ... } is called with bytes of any kind, by libFuzzer
// (tools/fuzz.sh) or by the replayer (replay_test.cc), which has all of them in one program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dualsync/base/check.h"

#ifdef DUALSYNC_FUZZ_REPLAY
#include "fuzz/registry.h"

#define FUZZ(name, input)                                                                    \
  static void fuzz_##name(std::string_view input);                                           \
  static const dualsync::test::RegisteredFuzzer registered_##name(#name, fuzz_##name); \
  static void fuzz_##name(std::string_view input)
#else
#define FUZZ(name, input)                                                             \
  static void fuzz_##name(std::string_view input);                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name(std::string_view(reinterpret_cast<const char*>(data), size));         \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_##name(std::string_view input)
#endif
