#include "dualsync/app/provers.h"

#include <utility>

#include "dualsync/app/drill_command.h"
#include "dualsync/app/mongo_sides.h"
#include "dualsync/observe/proof_file.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kCatchUp{10};
// Short, because a stop waits for the answer to the command on its way.
constexpr std::chrono::seconds kOneAnswer{30};

std::function<Result<bool>(std::stop_token)> catch_up_with(Mirror& mirror) {
  return [&mirror](std::stop_token) -> Result<bool> {
    const auto outcome = mirror.wait(kCatchUp);
    if (!outcome) return outcome.error();
    return outcome->kind != WaitOutcome::Kind::kTimedOut;
  };
}

// Local over connections of its own, under the same guard as the mirror's.
class OwnLocal final : public LocalSide {
 public:
  OwnLocal(std::unique_ptr<MongoLocal> local, LocalGuard& guard) : local_(std::move(local)), guarded_(*local_, guard) {}
  std::unique_ptr<ChangeSource> make_change_source() override { return guarded_.make_change_source(); }
  std::unique_ptr<DocumentReader> make_reader() override { return guarded_.make_reader(); }

 private:
  const std::unique_ptr<MongoLocal> local_;
  GuardedLocal guarded_;
};

}  // namespace

DrillHooks drill_hooks(const Settings& settings, Mirror& mirror) {
  DrillHooks hooks;
  hooks.obstacle = [&mirror] { return drill_obstacle(mirror.status()); };
  hooks.last_success_ms = [directory = settings.data_dir] { return load_proofs(directory).last_restore_ms; };
  hooks.drill = [&settings, &mirror](const DrillOrder& order, const std::stop_token& stop) {
    RecheckOptions recheck;
    recheck.catch_up = catch_up_with(mirror);
    recheck.excepted = [&queue = mirror.context().queue](const Namespace& ns, std::string_view key) {
      return queue.is_withheld(ns, key);
    };
    return drill_once(settings, {order.namespaces, "", order.compare}, recheck, stop, [](const CopyStatus&) {});
  };
  return hooks;
}

VerifyHooks verify_hooks(const Settings& settings, Mirror& mirror, const Guards& guards) {
  VerifyHooks hooks;
  hooks.obstacle = [&mirror] { return drill_obstacle(mirror.status()); };
  hooks.catch_up = catch_up_with(mirror);
  hooks.proven = [directory = settings.data_dir](OpTime until) { return save_verified_until(directory, until); };
  hooks.connect = [&settings, &guard = *guards.local_guard]() -> Result<VerifySides> {
    auto sides = open_sides(settings, {kOneAnswer, {}});
    if (!sides) return sides.error();
    VerifySides own;
    own.local = std::make_unique<OwnLocal>(std::move(sides->local), guard);
    own.backup = std::move(sides->backup);
    return own;
  };
  return hooks;
}

}  // namespace dualsync
