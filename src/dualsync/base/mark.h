// DUALSYNC_MARK("name"): an instant at which a crash must lose nothing and repeat nothing. The product is compiled
// without them. tests/marks builds the program a second time, in which each passing of a mark may be the last thing
// that the process does; tests/e2e/test_crash_points.py has it die at every one of them.
//
// Rule     each name stands once in the whole product (tools/tidy.py)
// Threads  any
#pragma once

#ifdef DUALSYNC_MARKS
namespace dualsync {
// Kills this process (SIGKILL) if the environment's DUALSYNC_MARK is `name:n`, at the n-th passing.
void pass_mark(const char* name);
}  // namespace dualsync
#define DUALSYNC_MARK(name) ::dualsync::pass_mark(name)
#else
#define DUALSYNC_MARK(name) static_cast<void>(0)
#endif
