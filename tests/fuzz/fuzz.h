// What every fuzzer begins with: FUZZ(input) { ... } is called with bytes of any kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dualsync/base/check.h"

#define FUZZ(input)                                                                   \
  static void fuzz_one(std::string_view input);                                       \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_one(std::string_view(reinterpret_cast<const char*>(data), size));            \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_one(std::string_view input)
