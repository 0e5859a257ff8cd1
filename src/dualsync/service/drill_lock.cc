#include "dualsync/service/drill_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "dualsync/config/paths.h"
#include "dualsync/model/drill_name.h"
#include "dualsync/service/guards.h"

namespace dualsync {
namespace {

Error failed(const std::string& path) {
  const std::error_code failure(errno, std::generic_category());
  return {ErrorKind::kIo, "cannot use " + path + ": " + failure.message(),
          "run it as the daemon's user, or name a directory of its own with --data-dir", failure.value()};
}

}  // namespace

Result<std::unique_ptr<DrillLock>> DrillLock::take(const std::string& data_dir) {
  const std::string path = drill_lock_path(data_dir).string();
  std::error_code failure;
  if (std::filesystem::create_directories(data_dir, failure))
    std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all, failure);
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return failed(path);
  std::unique_ptr<DrillLock> lock(new DrillLock(file));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed(path);
    return Error{ErrorKind::kConflict, "another drill runs on " + data_dir, "wait for it to end", 0};
  }
  DUALSYNC_TRY(lock->read_or_make_owner(path));
  return lock;
}

Result<void> DrillLock::read_or_make_owner(const std::string& path) {
  std::array<char, kDrillOwnerLength> text{};
  const ssize_t length = ::pread(file_, text.data(), text.size(), 0);
  if (length < 0) return failed(path);
  owner_.assign(text.data(), static_cast<std::size_t>(length));
  if (is_drill_owner(owner_)) return {};
  owner_ = random_id().substr(0, kDrillOwnerLength);
  const std::string line = owner_ + "\n";
  // Before any scratch database has this name, so that it is known again after a kill or a power cut.
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()) ||
      ::fsync(file_) != 0)
    return failed(path);
  return {};
}

DrillLock::~DrillLock() { ::close(file_); }

}  // namespace dualsync
