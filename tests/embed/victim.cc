// An application that is killed: says that it runs, and waits for it. Arguments: data directory, local, backup.
#include <unistd.h>

#include <cstdio>

#include "dualsync/middleware.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  dualsync::EngineOptions options;
  options.settings = {{"SYNC_DATA_DIR", argv[1]},       {"MONGODB_LOCAL_URI", argv[2]}, {"MONGODB_ATLAS_URI", argv[3]},
                      {"SYNC_RECONCILE_INTERVAL", "0"}, {"SYNC_CANARY_INTERVAL", "0"},  {"SYNC_VERIFY_INTERVAL", "0"}};
  options.serve_api = false;
  dualsync::Failure failure;
  const auto engine = dualsync::Engine::start(options, &failure);
  const auto middleware = engine ? dualsync::Middleware::start(*engine, &failure) : nullptr;
  if (!middleware) {
    std::fprintf(stderr, "%s\n", failure.message.c_str());
    return 1;
  }
  if (::write(STDOUT_FILENO, "!", 1) != 1) return 1;
  for (;;) ::pause();
}
