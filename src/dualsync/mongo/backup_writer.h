// MongoBackupWriter: BackupWriter over one connection (a lane's).
//
// Shape    up to four unordered commands a call: deletes, replaces, deltas, inserts; more where they do not fit.
//          write_in_order(): an ordered command for each run of items of one kind, and one for each delta, because the
//          server does not say which of several matched nothing
// Order    all commands go through one session with growing transaction numbers; one that arrives late is refused
// Units    bytes_sent() counts the bytes of the commands, before compression
// Threads  one owner
// Errors   as ports/document_store.h. A command that the server refuses as a whole because of its content is halved
//          until the item that it does not take is found. If deltas of one command did not all match and change
//          something, all of them are kHeal: the server does not say which, and healing one too many is a read, not a
//          fault.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "dualsync/mongo/client_session.h"
#include "dualsync/mongo/deployment.h"
#include "dualsync/mongo/document_reader.h"
#include "dualsync/mongo/write_command.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

class MongoBackupWriter final : public BackupWriter {
 public:
  MongoBackupWriter(std::shared_ptr<ClientPool> pool, const WriterOptions& options);

  Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override;
  Result<std::vector<WriteOutcome>> write_in_order(const Namespace& ns, std::span<const WriteItem> items) override;
  Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) override;
  Result<void> remove_all(const Namespace& ns, std::span<const std::string_view> keys) override;
  Result<std::vector<std::string>> find_equal(const Namespace& ns, std::string_view fields) override;
  bool settled() const override { return !unanswered_; }
  Result<void> settle() override;
  std::uint64_t bytes_sent() const override { return bytes_sent_; }
  DocumentReader& reader() override { return reader_; }

 private:
  // Places of the whole documents with a field that is Timestamp(0, 0), which a server would replace by its own time.
  static std::vector<std::size_t> zero_timestamps_in(std::span<const WriteItem> items);
  struct Call {
    const Namespace& ns;
    std::span<const WriteItem> items;
    std::vector<WriteOutcome>& outcomes;
    bool in_order = false;  // what fails stops what is behind it
    std::vector<std::size_t> zero_timestamps = zero_timestamps_in(items);
  };

  Result<std::vector<WriteOutcome>> write_each(const Namespace& ns, std::span<const WriteItem> items);
  Result<std::vector<WriteOutcome>> write_each_in_order(const Namespace& ns, std::span<const WriteItem> items);
  Result<std::vector<WriteOutcome>> write_all_or_nothing(const Namespace& ns, std::span<const WriteItem> items);
  // Notes whether an answer is missing.
  Result<std::vector<WriteOutcome>> noted(const Namespace& ns, Result<std::vector<WriteOutcome>> outcomes);
  // The commands of one transaction, up to the first item that fails.
  Result<void> write_in(ClientSession::Transaction* transaction, const Call& call, WriteItem::Kind kind);
  Result<void> write_kind(const Call& call, WriteItem::Kind kind, std::span<const std::size_t> chosen);
  // Sends one command with as many of `chosen` as fit. Returns how many, from the first on, have their outcome now.
  Result<std::size_t> send(const Call& call, WriteItem::Kind kind, std::span<const std::size_t> chosen);
  // Puts top-level Timestamp(0,0) values back that the server replaced by its own time.
  Result<void> restore_zero_timestamps(const Call& call);
  Result<void> refused(const Call& call, WriteItem::Kind kind, std::span<const std::size_t> sent, const Error& error);
  WriteFlags flags_for(const Call& call, WriteItem::Kind kind, std::span<const std::size_t> chosen) const;
  bool give_up_flag(const WriteFlags& flags, const Error& error);
  Result<void> learn_server();

  const std::shared_ptr<ClientSession> session_;
  MongoReader reader_;  // shares the session, and with it the connection
  bool bypass_validation_;
  bool keep_zero_timestamps_ = false;  // servers from 5.0 may know bypassEmptyTsReplacement
  bool server_known_ = false;
  std::size_t bytes_max_ = 0;  // the server's maxBsonObjectSize
  std::uint64_t bytes_sent_ = 0;
  std::optional<Namespace> unanswered_;  // where the last write went that nobody answered
};

}  // namespace dualsync
