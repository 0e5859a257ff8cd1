// What we keep on a backup, in memory: of as many processes as there are FakeStates on one StoredState. The contract
// suites hold the real thing to the same answers.
#pragma once

#include <optional>
#include <string>

#include "dualsync/ports/backup_state.h"

namespace dualsync::test {

// A test may set it, or exchange it under a running process, as a restored backup does.
struct StoredState {
  std::optional<LeaseRecord> lease;
  std::optional<LocalIdentity> identity;
  std::string id;
};

class FakeState final : public BackupState {
 public:
  explicit FakeState(StoredState& stored) : stored_(stored) {}

  Result<std::optional<LeaseRecord>> read_lease() override { return stored_.lease; }
  Result<bool> replace_lease(const std::optional<LeaseRecord>& expected, const LeaseRecord& next) override {
    const bool same =
        expected.has_value() == stored_.lease.has_value() &&
        (!expected || (expected->epoch == stored_.lease->epoch && expected->renewal == stored_.lease->renewal));
    if (same) stored_.lease = next;
    return same;
  }
  Result<std::optional<LocalIdentity>> read_identity() override { return stored_.identity; }
  Result<void> write_identity(const LocalIdentity& identity) override {
    stored_.identity = identity;
    return {};
  }
  Result<std::string> read_backup_id() override { return stored_.id; }
  Result<void> give_backup_id(const std::string& id) override {
    if (stored_.id.empty()) stored_.id = id;
    return {};
  }

 private:
  StoredState& stored_;
};

}  // namespace dualsync::test
