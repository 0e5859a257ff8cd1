#include "dualsync/app/drill_command.h"

#include <sys/stat.h>

#include <thread>

#include "dualsync/app/signals.h"
#include "dualsync/app/verify_command.h"
#include "dualsync/base/log.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/service/drill_once.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kInterruptPoll{200};

}  // namespace

Result<DrillReport> run_drill(const Settings& settings, const DrillRequest& request, const VerifyProgress& progress) {
  ::umask(S_IRWXG | S_IRWXO);
  block_signals();
  log::configure(log::Level::kOff, settings.log_format);
  const MongocLibrary library;
  std::stop_source stop;
  const std::jthread signals([&stop](const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      if (wait_for_signal(kInterruptPoll) != 0) stop.request_stop();
    }
  });
  const auto recheck = ask_mirror(settings);
  if (!recheck) return recheck.error();
  return drill_once(settings, {request.namespaces, request.compare}, request.to, *recheck, stop.get_token(), progress);
}

}  // namespace dualsync
