#include "dualsync/app/daemon.h"
#include "dualsync/app/verify_command.h"
#include "dualsync/cli/root.h"

int main(int argc, char** argv) {
  dualsync::CliHooks hooks;
  hooks.run = dualsync::run_daemon;
  hooks.verify = dualsync::run_verify;
  dualsync::detect_terminals(&hooks);
  return dualsync::run_cli(argc, argv, hooks);
}
