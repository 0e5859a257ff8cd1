#include <malloc.h>

#include "dualsync/app/adopt_command.h"
#include "dualsync/app/daemon.h"
#include "dualsync/app/doctor_command.h"
#include "dualsync/app/drain_command.h"
#include "dualsync/app/drill_command.h"
#include "dualsync/app/restore_command.h"
#include "dualsync/app/verify_command.h"
#include "dualsync/cli/root.h"

int main(int argc, char** argv) {
  // One arena per thread would keep what each once needed for its largest batch; few arenas give it back.
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  dualsync::CliHooks hooks;
  hooks.run = dualsync::run_daemon;
  hooks.verify = dualsync::run_verify;
  hooks.restore = dualsync::run_restore;
  hooks.drill = dualsync::run_drill;
  hooks.drain = dualsync::run_drain;
  hooks.doctor = dualsync::run_doctor;
  hooks.adopt = dualsync::run_adopt;
  dualsync::detect_terminals(&hooks);
  return dualsync::run_cli(argc, argv, hooks);
}
