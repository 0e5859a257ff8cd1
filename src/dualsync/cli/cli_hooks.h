// What the command line is given from outside: the work itself, and the world around it, so that tests can stand in.
//
// Threads  run_cli() calls everything on its own thread; `verify` may call the progress callback on any one thread at a
// time
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/config/config_load.h"
#include "dualsync/config/settings.h"
#include "dualsync/model/doctor_report.h"
#include "dualsync/model/drain_report.h"
#include "dualsync/model/drill_report.h"
#include "dualsync/model/restore_report.h"
#include "dualsync/model/status.h"
#include "dualsync/model/verify_report.h"

namespace dualsync {

struct VerifyRequest {
  // `name`, `db.name`, `*` globs, as SYNC_INCLUDED_COLLECTIONS has them; empty: everything in scope.
  std::vector<std::string> namespaces;
  bool quick = false;  // what the servers' digests say is equal is not read
};
using VerifyProgress = std::function<void(const CopyStatus&)>;

struct RestoreRequest {
  std::vector<std::string> namespaces;  // as VerifyRequest has them
  std::vector<std::string> ids;         // Extended JSON or plain text; only these documents
  std::string to;                       // URI; empty: MONGODB_LOCAL_URI
  bool force = false;
  bool dry_run = false;
};

struct DrillRequest {
  std::vector<std::string> namespaces;  // as VerifyRequest has them
  std::string to;                       // URI of a server; empty: MONGODB_LOCAL_URI
  CompareLocal compare = CompareLocal::kAuto;
};

struct AdoptReport {
  bool adopted = false;          // false: it was only asked what would be forgotten
  std::uint64_t operations = 0;  // in the queue, of the local before this one
  std::uint64_t dead_letters = 0;
};

struct CliHooks {
  // Runs the daemon until it is told to stop; returns the exit code. Logs settings.warnings itself. `again` reads the
  // settings from where they came from.
  std::function<int(const Settings&, const std::function<Result<Settings>()>& again)> run;
  // Compares local and backup. Settings::atlas_uri is set.
  std::function<Result<VerifyReport>(const Settings&, const VerifyRequest&, const VerifyProgress&)> verify;
  // Copies the backup to local or elsewhere, and proves it. Settings::atlas_uri is set.
  std::function<Result<RestoreReport>(const Settings&, const RestoreRequest&, const VerifyProgress&)> restore;
  // Restores the backup into scratch databases, compares them and drops them. Settings::atlas_uri is set.
  std::function<Result<DrillReport>(const Settings&, const DrillRequest&, const VerifyProgress&)> drill;
  // Sends what the queue holds, without local. Settings::atlas_uri is set.
  std::function<Result<DrainReport>(const Settings&, const VerifyProgress&)> drain;
  // Looks at everything that the mirror needs; changes nothing.
  std::function<DoctorReport(const Settings&)> doctor;
  // Makes the next start take local as right; without `confirmed` only says what that would forget.
  std::function<Result<AdoptReport>(const Settings&, bool confirmed)> adopt;

  Environment environment = process_environment();
  std::filesystem::path env_file = ".env";
  std::ostream* out = nullptr;   // null: std::cout
  std::ostream* err = nullptr;   // null: std::cerr
  bool out_is_terminal = false;  // tables get colours
  bool err_is_terminal = false;  // progress lines are drawn
  // Between two pictures of `status --watch`; false ends the watch.
  std::function<bool(std::chrono::milliseconds)> pause;  // empty: sleep, and go on until a signal ends the process
};

// Sets out_is_terminal and err_is_terminal from the real standard streams.
void detect_terminals(CliHooks* hooks);

}  // namespace dualsync
