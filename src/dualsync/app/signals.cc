#include "dualsync/app/signals.h"

#include <csignal>
#include <ctime>

namespace dualsync {
namespace {

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal(std::chrono::milliseconds timeout) {
  const sigset_t set = handled();
  const timespec limit{static_cast<std::time_t>(timeout.count() / 1000),
                       static_cast<long>(timeout.count() % 1000 * 1'000'000)};
  const int signal = sigtimedwait(&set, nullptr, &limit);
  return signal < 0 ? 0 : signal;
}

}  // namespace dualsync
