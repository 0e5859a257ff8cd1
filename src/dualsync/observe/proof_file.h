// The newest proofs that the backup is what it should be, kept beside the queue, because commands prove and the daemon
// reports.
//
// Shape    <data>/proofs: lines `name value`; unknown names are kept out, missing ones are null
// Threads  any; a write replaces the file as a whole, and of two at once the later one wins
// Errors   reading: none, what cannot be read counts as "no proof". Writing: kIo
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dualsync/base/result.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

struct Proofs {
  OpTime verified_until;                          // local's cluster time up to which a comparison found both equal
  std::optional<std::int64_t> last_restore_ms{};  // Unix time of the last restore that was compared and equal

  bool operator==(const Proofs&) const = default;
};

std::string proof_file_path(const std::string& data_dir);

Proofs load_proofs(const std::string& data_dir);
Result<void> save_proofs(const std::string& data_dir, const Proofs& proofs);

}  // namespace dualsync
