#include "dualsync/service/data_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "dualsync/base/log.h"

namespace dualsync {
namespace {

// A full disk or a read-only mount shows only when something is written and synced.
std::error_code try_to_write(const std::filesystem::path& probe) {
  const auto last = [] { return std::error_code(errno, std::generic_category()); };
  const int file = ::open(probe.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return last();
  std::error_code failure;
  const std::string block(4096, 'x');
  const ssize_t written = ::write(file, block.data(), block.size());
  if (written < 0) {
    failure = last();
  } else if (written < static_cast<ssize_t>(block.size())) {
    failure = std::make_error_code(std::errc::no_space_on_device);
  } else if (::fsync(file) != 0) {
    failure = last();
  }
  ::close(file);
  ::unlink(probe.c_str());
  return failure;
}

Result<void> make_usable(const std::string& directory) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (!failure) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, failure);
  if (!failure) failure = try_to_write(std::filesystem::path(directory) / ".write-probe");
  if (!failure) return {};
  return Error{
      ErrorKind::kIo, "cannot use the data directory " + directory + ": " + failure.message(),
      "set SYNC_DATA_DIR to a directory that this user may write, with space left; SYNC_DATA_DIR_FALLBACK names "
      "one to use instead",
      failure.value()};
}

}  // namespace

Result<std::string> prepare_data_dir(Settings* settings) {
  const auto first = make_usable(settings->data_dir);
  if (first) return std::string();
  if (settings->data_dir_fallback.empty()) return first.error();
  if (const auto second = make_usable(settings->data_dir_fallback); !second) {
    Error error = second.error();
    error.message = first.error().message + "; " + error.message;
    return error;
  }
  settings->data_dir = settings->data_dir_fallback;
  return first.error().message;
}

std::optional<std::string> DirectoryWatch::given_up(const std::optional<Error>& trouble, SteadyTime now) {
  if (fallback_.empty() || fallback_ == used_) return std::nullopt;
  if (!trouble) {
    if (since_ && now - last_ >= kCalm) since_.reset();
    return std::nullopt;
  }
  last_ = now;
  if (!since_) since_ = now;
  if (now - *since_ < kPatience) return std::nullopt;
  since_ = now;  // if the other one is no better, not at once again
  if (const auto usable = make_usable(fallback_); !usable) {
    log::error("daemon", "SYNC_DATA_DIR_FALLBACK is of no use either: " + usable.error().message,
               {{"hint", usable.error().hint}});
    return std::nullopt;
  }
  return "the queue in " + used_ + " cannot be written: " + trouble->message;
}

}  // namespace dualsync
