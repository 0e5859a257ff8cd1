// CommandCursor: the documents of a command that answers with a cursor (find, aggregate, listCollections, ...).
//
// Shape    a document is a view of the current reply and lives until the next call
// Order    as the server gives them. All batches come from the server that answered first.
// Units    memory: one reply, which servers keep under 16 MiB
// Threads  one owner, the same as of the session
// Errors   kConnectivity also for a cursor that the server forgot: start again
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dualsync/mongo/client_session.h"

namespace dualsync {

class CommandCursor {
 public:
  CommandCursor(std::shared_ptr<ClientSession> session, std::string db, std::string what);
  // Tells the server to forget the cursor if it is not at its end.
  ~CommandCursor();
  CommandCursor(const CommandCursor&) = delete;
  CommandCursor& operator=(const CommandCursor&) = delete;

  // Sends the command that opens the cursor. `batch_size` is that of the batches after the first; 0: the server's.
  Result<void> start(const BsonDoc& command, std::int32_t batch_size);

  // An empty view at the end.
  Result<std::string_view> next();

  // The newest operation time of the replies so far; null on a standalone.
  OpTime operation_time() const { return operation_time_; }

 private:
  Result<void> load_batch(const char* batch_name);
  Result<void> get_more();

  const std::shared_ptr<ClientSession> session_;
  const std::string db_;
  const std::string what_;  // for messages
  ServerChoice server_;
  std::string collection_;  // what getMore calls it
  std::int32_t batch_size_ = 0;
  std::int64_t cursor_id_ = 0;
  BsonDoc reply_;
  bson_iter_t batch_{};
  bool in_batch_ = false;
  OpTime operation_time_;
};

// {level: "majority"}, and afterClusterTime unless `after` is null, appended to a command as `readConcern`.
void append_majority_read_concern(BsonDoc* command, OpTime after);

}  // namespace dualsync
