#include "dualsync/app/verify_command.h"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <utility>

#include "dualsync/base/hex.h"
#include "dualsync/base/log.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/pipeline/verifier.h"
#include "dualsync/queue/queue_inspect.h"
#include "dualsync/service/mongo_sides.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kCatchUp{10};
constexpr std::chrono::seconds kAnswerMargin{5};
constexpr int kHttpOk = 200;

std::string canonical(std::string_view key) {
  std::string text;
  append_canonical_key(key, &text);
  return text;
}

// The documents that the mass-delete guard keeps on the backup, as the daemon tells. It is asked again when a document
// is not among those that were known a moment ago, because it may have been added since.
class HeldKeys {
 public:
  explicit HeldKeys(std::shared_ptr<ApiClient> client) : client_(std::move(client)) {}

  Result<bool> contains(const Namespace& ns, std::string_view key) {
    const std::string wanted = canonical(key);
    if (ns == ns_ && keys_.contains(wanted)) return true;
    const SteadyTime now = system_clock().now();
    if (ns == ns_ && now - asked_ < kFresh) return false;
    DUALSYNC_TRY(ask(ns));
    asked_ = now;
    return keys_.contains(wanted);
  }

 private:
  static constexpr std::chrono::seconds kFresh{1};
  static constexpr int kPage = 10'000;

  Result<void> ask(const Namespace& ns) {
    ns_ = ns;
    keys_.clear();
    std::string after;
    do {
      const auto answer = client_->get(
          fmt::format("/api/sync/held?namespace={}&limit={}&after={}", percent_encoded(ns.full()), kPage, after));
      if (!answer) return answer.error();
      if (answer->status != kHttpOk) return error_of_problem(*answer);
      for (const auto& one : answer->body.at("documents")) {
        const auto key = from_hex(one.at("documentKeyHex").get<std::string>());
        if (key) keys_.insert(canonical(*key));
      }
      const auto& next = answer->body.at("next");
      after = next.is_string() ? next.get<std::string>() : "";
    } while (!after.empty());
    return {};
  }

  const std::shared_ptr<ApiClient> client_;
  Namespace ns_;
  std::set<std::string> keys_;
  SteadyTime asked_;
};

// Without a daemon: what its queue holds.
Result<RecheckOptions> ask_queue(const std::string& data_dir) {
  auto documents = read_withheld(data_dir + "/queue");
  RecheckOptions options;
  if (!documents) {
    if (documents.error().kind == ErrorKind::kNotFound) return options;  // nothing was ever mirrored from here
    return documents.error();
  }
  auto keys = std::make_shared<std::set<std::pair<Namespace, std::string>>>();
  for (const WithheldDocument& one : *documents) keys->emplace(one.ns, canonical(one.document_key));
  if (keys->empty()) return options;
  options.excepted = [keys](const Namespace& ns, std::string_view key) -> Result<bool> {
    return keys->contains({ns, canonical(key)});
  };
  return options;
}

}  // namespace

Result<RecheckOptions> ask_mirror(const Settings& settings) {
  auto client = std::make_shared<ApiClient>(settings);
  if (!client->get("/api/sync/health")) return ask_queue(settings.data_dir);
  RecheckOptions options;
  options.catch_up = [client](std::stop_token) -> Result<bool> {
    const auto answer =
        client->post("/api/sync/wait?timeoutSeconds=" + std::to_string(kCatchUp.count()), kCatchUp + kAnswerMargin);
    return answer && answer->status == kHttpOk;
  };
  options.excepted = [held = std::make_shared<HeldKeys>(client)](const Namespace& ns, std::string_view key) {
    return held->contains(ns, key);
  };
  return options;
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
  options.quick = request.quick;
  options.keeps_dropped = settings.on_drop == OnDrop::kKeep;
  auto recheck = ask_mirror(settings);
  if (!recheck) return recheck.error();
  options.recheck = *recheck;
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
