#include "dualsync/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace dualsync {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "dualsync: internal check failed: %s (%s:%d); please report this\n", condition, file, line);
  std::abort();
}

}  // namespace dualsync
