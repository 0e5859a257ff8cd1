// The newest proofs that the backup is what it should be, kept beside the queue, because commands prove and the daemon
// reports.
//
// Shape    <data>/proofs: lines `name value`; unknown names are kept out, missing ones are null
// Threads  any, of any process: changes go one after the other (a lock on <data>/proofs.lock), each replaces the file
// as
//          a whole, and readers need no lock
// Errors   reading: none, what cannot be read counts as "no proof". Writing: kIo
#pragma once

#include <cstdint>
#include <functional>
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

// Changes what is there. `change` sees what every earlier change left, whoever made it.
Result<void> update_proofs(const std::string& data_dir, const std::function<void(Proofs*)>& change);
// Never goes back: an older comparison that ends later changes nothing.
Result<void> save_verified_until(const std::string& data_dir, OpTime until);

}  // namespace dualsync
