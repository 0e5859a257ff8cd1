#include "dualsync/observe/proof_file.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace dualsync {
namespace {

constexpr const char* kVerified = "verifiedUntil";
constexpr const char* kRestored = "lastProvenRestore";

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

Result<void> save_proofs(const std::string& data_dir, const Proofs& proofs) {
  const std::string path = proof_file_path(data_dir);
  const std::string fresh = path + "." + std::to_string(::getpid());
  std::error_code failure;
  std::filesystem::create_directories(data_dir, failure);
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
  const Error error{ErrorKind::kIo, "cannot write " + path + ": " + failure.message(), "", failure.value()};
  std::filesystem::remove(fresh, failure);
  return error;
}

}  // namespace dualsync
