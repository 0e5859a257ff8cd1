#include "dualsync/app/verify_command.h"

#include <memory>

#include "dualsync/app/mongo_sides.h"
#include "dualsync/base/log.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/pipeline/verifier.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kCatchUp{10};
constexpr std::chrono::seconds kAnswerMargin{5};
constexpr int kHttpOk = 200;

}  // namespace

std::function<Result<bool>(std::stop_token)> ask_daemon_to_catch_up(const Settings& settings) {
  auto client = std::make_shared<ApiClient>(settings);
  if (!client->get("/api/sync/health")) return {};
  return [client](std::stop_token) -> Result<bool> {
    const auto answer =
        client->post("/api/sync/wait?timeoutSeconds=" + std::to_string(kCatchUp.count()), kCatchUp + kAnswerMargin);
    return answer && answer->status == kHttpOk;
  };
}

Result<VerifyReport> run_verify(const Settings& settings, const VerifyRequest& request,
                                const VerifyProgress& progress) {
  log::configure(log::Level::kOff, settings.log_format);  // the report and the error are what a person wants to read
  const MongocLibrary library;
  constexpr std::chrono::minutes kOneAnswer{10};
  auto sides = open_sides(settings, {kOneAnswer, {}});
  if (!sides) return sides.error();
  if (auto facts = sides->local->deployment().probe(settings.connect_timeout); !facts) return facts.error().in("local");
  if (auto facts = sides->backup->deployment().probe(settings.connect_timeout); !facts)
    return facts.error().in("backup");
  VerifyOptions options;
  options.namespaces = request.namespaces;
  options.recheck.catch_up = ask_daemon_to_catch_up(settings);
  Verifier verifier(sides->scope, *sides->local, *sides->backup, system_clock(), options);
  auto report = verifier.run({}, [&](const CompareProgress& now) {
    CopyStatus status;
    status.running = true;
    status.documents_done = now.documents;
    status.documents_total = now.total;
    status.current = now.ns.full();
    progress(status);
  });
  if (report && report->whole && report->equal() && report->unsettled() == 0) {
    ignore_error(save_verified_until(settings.data_dir, report->verified_until),
                 "the report stands; only the daemon does not show it");
  }
  return report;
}

}  // namespace dualsync
