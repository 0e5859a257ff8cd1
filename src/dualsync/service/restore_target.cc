#include "dualsync/service/restore_target.h"

namespace dualsync {
namespace {

constexpr std::chrono::minutes kRestoreAnswer{10};
constexpr std::uint32_t kClientsBesideThreads = 4;

}  // namespace

Result<std::unique_ptr<RestoreTarget>> RestoreTarget::open(const CheckedUri& uri, std::size_t threads) {
  DeploymentOptions options;
  options.socket = kRestoreAnswer;
  options.max_clients = static_cast<std::uint32_t>(2 * threads) + kClientsBesideThreads;
  auto deployment = Deployment::open(uri, options);
  if (!deployment) return deployment.error();
  return std::unique_ptr<RestoreTarget>(new RestoreTarget(std::move(*deployment)));
}

}  // namespace dualsync
