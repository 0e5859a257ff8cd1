#include "dualsync/api/api_token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>

#include "dualsync/config/paths.h"

namespace dualsync {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr mode_t kOwnerOnly = 0600;

Error io_error(const std::filesystem::path& path, std::string_view what) {
  const int number = errno;
  return Error{ErrorKind::kIo, fmt::format("{} {}: {}", path.string(), what, std::generic_category().message(number)),
               "SYNC_DATA_DIR must be a directory that the user running dualsync may write to", number};
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<void> write_private_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::path temporary = path;
  temporary += ".new";
  {
    const FileDescriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
    if (file.get() < 0 || ::fchmod(file.get(), kOwnerOnly) != 0) return io_error(temporary, "cannot be written");
    std::size_t done = 0;
    while (done < content.size()) {
      const ssize_t written = ::write(file.get(), content.data() + done, content.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return io_error(temporary, "cannot be written");
      done += static_cast<std::size_t>(written);
    }
    if (::fsync(file.get()) != 0) return io_error(temporary, "cannot be written");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io_error(path, "cannot be replaced");
  return {};
}

std::string random_hex() {
  std::random_device random;  // the kernel's generator
  std::string hex;
  while (hex.size() < 2 * kTokenBytes) hex += fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
  return hex;
}

// An empty text: there is no such file.
Result<std::string> read_token_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::string();
    return io_error(path, "cannot be read");
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return io_error(path, "cannot be read");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{ErrorKind::kDenied, fmt::format("{} can be read by other users of this machine", path.string()),
                 fmt::format("delete it to get a new token, or run: chmod 600 {}", path.string()), 0};
  }
  std::array<char, 1024> buffer{};
  const ssize_t length = ::read(file.get(), buffer.data(), buffer.size());
  if (length < 0) return io_error(path, "cannot be read");
  std::string token(buffer.data(), static_cast<std::size_t>(length));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  const bool sound =
      token.size() >= 8 && std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!sound) return std::string();  // a torn or emptied file holds nothing worth keeping
  return token;
}

}  // namespace

Result<std::string> load_or_create_api_token(const Settings& settings) {
  if (!settings.api_token.empty()) return settings.api_token;
  const std::filesystem::path path = api_token_path(settings.data_dir);
  Result<std::string> stored = read_token_file(path);
  if (!stored || !stored->empty()) return stored;
  const std::string token = random_hex();
  DUALSYNC_TRY(write_private_file(path, token + "\n"));
  return token;
}

Result<void> write_api_address(const std::string& data_dir, const ListenAddress& address) {
  return write_private_file(api_address_path(data_dir), address.to_string() + "\n");
}

void remove_api_address(const std::string& data_dir) {
  std::error_code ignored;  // a stale address only costs the command line one refused connection
  std::filesystem::remove(api_address_path(data_dir), ignored);
}

}  // namespace dualsync
