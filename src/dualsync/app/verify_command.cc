#include "dualsync/app/verify_command.h"

#include "dualsync/app/mongo_sides.h"
#include "dualsync/base/log.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/pipeline/verifier.h"

namespace dualsync {

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
  Verifier verifier(sides->scope, *sides->local, *sides->backup, system_clock(), options);
  return verifier.run({}, [&](const CompareProgress& now) {
    CopyStatus status;
    status.running = true;
    status.documents_done = now.documents;
    status.documents_total = now.total;
    status.current = now.ns.full();
    progress(status);
  });
}

}  // namespace dualsync
