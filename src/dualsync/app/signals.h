// Signals as values: blocked everywhere, and waited for by main.
//
// Threads  block_signals() first, before any thread is started; wait_for_signal() by one thread
#pragma once

#include <chrono>

namespace dualsync {

void block_signals();  // SIGINT, SIGTERM, SIGHUP; SIGPIPE is ignored

// The signal that came, or 0 after `timeout`.
int wait_for_signal(std::chrono::milliseconds timeout);

}  // namespace dualsync
