// dualsync_sim: runs of the simulation from the command line.
//
//   dualsync_sim --seed N [--trace]          one run, exactly as it was
//   dualsync_sim --from N --count M          many; prints each seed that fails
//   --steps K                                longer runs
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "dualsync/base/planted.h"
#include "sim/sim_world.h"

namespace {

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t count = 1000;
  int steps = 150;
  bool trace = false;
  int bug = 0;
};

bool read(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace") {
      arguments->trace = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::uint64_t value = std::strtoull(argv[++i], nullptr, 10);
    if (name == "--seed") {
      arguments->from = value;
      arguments->count = 1;
    } else if (name == "--from") {
      arguments->from = value;
    } else if (name == "--count") {
      arguments->count = value;
    } else if (name == "--steps") {
      arguments->steps = static_cast<int>(value);
    } else if (name == "--bug") {
      arguments->bug = static_cast<int>(value);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read(argc, argv, &arguments)) {
    std::fprintf(stderr, "usage: dualsync_sim [--seed N [--trace]] [--from N] [--count M] [--steps K]\n");
    return 2;
  }
#ifdef DUALSYNC_PLANTED_BUGS
  dualsync::planted_bug = static_cast<dualsync::Bug>(arguments.bug);
#endif
  std::uint64_t failed = 0;
  std::uint64_t restarts = 0;
  std::uint64_t applied = 0;
  for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.count; ++seed) {
    const auto result = dualsync::sim::SimWorld({seed, arguments.steps, arguments.trace}).run();
    restarts += static_cast<std::uint64_t>(result.restarts);
    applied += result.applied;
    if (result.violation.empty()) continue;
    ++failed;
    std::printf("seed %llu, step %d: %s\n", static_cast<unsigned long long>(seed), result.step,
                result.violation.c_str());
    std::fflush(stdout);
  }
  std::printf("%llu runs, %llu failed; %llu restarts, %llu operations applied\n",
              static_cast<unsigned long long>(arguments.count), static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(restarts), static_cast<unsigned long long>(applied));
  return failed == 0 ? 0 : 1;
}
