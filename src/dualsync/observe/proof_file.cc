#include "dualsync/observe/proof_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace dualsync {
namespace {

constexpr const char* kVerified = "verifiedUntil";
constexpr const char* kRestored = "lastProvenRestore";

// Waits for whoever changes the proofs now, which takes moments; a process that dies gives it back.
class ProofLock {
 public:
  explicit ProofLock(const std::string& path) : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    while (file_ >= 0 && ::flock(file_, LOCK_EX) != 0) {
      if (errno != EINTR) return;
    }
    held_ = file_ >= 0;
  }
  ~ProofLock() {
    if (file_ >= 0) ::close(file_);
  }
  ProofLock(const ProofLock&) = delete;
  ProofLock& operator=(const ProofLock&) = delete;
  bool held() const { return held_; }

 private:
  const int file_;
  bool held_ = false;
};

Error cannot_write(const std::string& path, const std::error_code& failure) {
  return {ErrorKind::kIo, "cannot write " + path + ": " + failure.message(), "", failure.value()};
}

Result<void> replace_file(const std::string& path, const Proofs& proofs) {
  const std::string fresh = path + ".new";
  std::error_code failure;
  {
    std::ofstream file(fresh, std::ios::trunc);
    file << kVerified << ' ' << proofs.verified_until.t << ' ' << proofs.verified_until.i << '\n';
    if (proofs.last_restore_ms) file << kRestored << ' ' << *proofs.last_restore_ms << '\n';
    file.flush();
    if (!file) failure = std::error_code(errno != 0 ? errno : EIO, std::generic_category());
  }
  if (!failure) {
    using std::filesystem::perms;
    std::filesystem::permissions(fresh, perms::owner_read | perms::owner_write, failure);
  }
  if (!failure) std::filesystem::rename(fresh, path, failure);
  if (!failure) return {};
  const Error error = cannot_write(path, failure);
  std::filesystem::remove(fresh, failure);
  return error;
}

}  // namespace

std::string proof_file_path(const std::string& data_dir) {
  return (std::filesystem::path(data_dir) / "proofs").string();
}

Proofs load_proofs(const std::string& data_dir) {
  Proofs proofs;
  std::ifstream file(proof_file_path(data_dir));
  std::string name;
  while (file >> name) {
    if (name == kVerified) {
      if (OpTime time; file >> time.t >> time.i) proofs.verified_until = time;
    } else if (name == kRestored) {
      if (std::int64_t ms = 0; file >> ms) proofs.last_restore_ms = ms;
    } else {
      std::getline(file, name);
    }
  }
  return proofs;
}

Result<void> update_proofs(const std::string& data_dir, const std::function<void(Proofs*)>& change) {
  const std::string path = proof_file_path(data_dir);
  std::error_code failure;
  std::filesystem::create_directories(data_dir, failure);
  errno = 0;
  const ProofLock lock(path + ".lock");
  if (!lock.held()) return cannot_write(path, {errno != 0 ? errno : EIO, std::generic_category()});
  const Proofs before = load_proofs(data_dir);
  Proofs after = before;
  change(&after);
  return after == before ? Result<void>() : replace_file(path, after);
}

Result<void> save_verified_until(const std::string& data_dir, OpTime until) {
  return update_proofs(data_dir,
                       [&](Proofs* proofs) { proofs->verified_until = std::max(proofs->verified_until, until); });
}

}  // namespace dualsync
