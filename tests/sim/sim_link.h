// What stands between the process and a server: outages, single failures, and what else happens during a call.
#pragma once

#include <functional>

#include "dualsync/base/result.h"
#include "sim/sim_random.h"

namespace dualsync::sim {

struct Link {
  Random* random = nullptr;
  bool dead = false;  // the process is: nothing it sends leaves any more
  bool down = false;
  int cut_percent = 0;
  std::function<void()> meanwhile = [] {};

  bool fails() const { return dead || down || random->chance(cut_percent); }
};

inline Error unreachable() { return {ErrorKind::kConnectivity, "connection refused by the simulation", "", 0}; }

}  // namespace dualsync::sim
