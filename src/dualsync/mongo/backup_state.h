// MongoBackupState: BackupState in `dualsync.state`, or in `<database>.__dualsync` where the user may use no other.
//
// Shape    docs/formats/backup-state.md
// Threads  one owner
// Errors   as ports/backup_state.h
#pragma once

#include <memory>
#include <string>

#include "dualsync/mongo/state_collection.h"
#include "dualsync/ports/backup_state.h"

namespace dualsync {

class MongoBackupState final : public BackupState {
 public:
  // `database`: the one of the backup that the scope goes to; empty: the scope is all databases.
  MongoBackupState(std::shared_ptr<ClientPool> pool, const std::string& database);

  Result<std::optional<LeaseRecord>> read_lease() override;
  Result<bool> replace_lease(const std::optional<LeaseRecord>& expected, const LeaseRecord& next) override;
  Result<std::optional<LocalIdentity>> read_identity() override;
  Result<void> write_identity(const LocalIdentity& identity) override;
  Result<std::string> read_backup_id() override;
  Result<void> give_backup_id(const std::string& id) override;

 private:
  StateCollection state_;
  const std::string lease_id_;
  const std::string identity_id_;
};

}  // namespace dualsync
