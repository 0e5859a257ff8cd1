// The fuzzers of one program, by name.
//
// Threads  filled before main()
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace dualsync::test {

using Fuzzer = void (*)(std::string_view input);

inline std::map<std::string, Fuzzer>& fuzzers() {
  static std::map<std::string, Fuzzer> all;
  return all;
}

struct RegisteredFuzzer {
  RegisteredFuzzer(const char* name, Fuzzer fuzzer) { fuzzers().emplace(name, fuzzer); }
};

}  // namespace dualsync::test
