// MongoBackupState: BackupState in `dualsync.state`, or in `<database>.__dualsync` where the user may use no other.
//
// Shape    docs/formats/backup-state.md
// Threads  one owner
// Errors   as ports/backup_state.h
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dualsync/model/namespace.h"
#include "dualsync/mongo/client_session.h"
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

 private:
  // The document of that `_id`; empty if there is none.
  Result<std::string> find(const std::string& id);
  // An update of one document; true if it matched (or was inserted).
  Result<bool> update(std::string_view query, std::string_view document, bool upsert, std::string_view what);
  Result<bool> insert(std::string_view document, std::string_view what);
  // Runs `call` at the place in use; goes on to the next one if this user may not use it.
  template <typename T>
  Result<T> at_allowed_place(const std::function<Result<T>(const Namespace&)>& call);

  ClientSession session_;
  const std::string lease_id_;
  const std::string identity_id_;
  std::vector<Namespace> places_;
  std::size_t place_ = 0;
};

}  // namespace dualsync
