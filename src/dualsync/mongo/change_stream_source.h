// ChangeStreamSource: ChangeSource over a MongoDB change stream, by raw aggregate and getMore commands.
//
// Shape    events are views of the server's reply, but for those that came in fragments, which are joined here.
//          The pipeline is constant for a server version, because a token fits its pipeline only.
// Order    position.time: every local write with a cluster time up to it has been delivered. It never goes back.
//          - mongod: from postBatchResumeToken. A high-water mark has the time of the newest oplog entry that the
//            server has looked at; an event's token has the event's own time, and as one transaction gives many events
//            of one time, a batch that was cut short counts only up to just before.
//          - other tokens: the time of the batch's last event (with the same care), or, of an empty batch, the
//            operation time of the reply before: what was visible then would have been in this batch.
// Threads  one owner
// Errors   as ports/change_source.h. An event too large for a reply (servers without $changeStreamSplitLargeEvent) is
//          delivered without fullDocument and updateDescription.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "dualsync/mongo/client_session.h"
#include "dualsync/mongo/deployment.h"
#include "dualsync/mongo/split_event.h"
#include "dualsync/ports/change_source.h"

namespace dualsync {

class ChangeStreamSource final : public ChangeSource {
 public:
  ChangeStreamSource(std::shared_ptr<ClientPool> pool, SourceOptions options);
  ~ChangeStreamSource() override { close(); }

  Result<Position> open(const Position& from) override;
  Result<ChangeBatch> next(std::stop_token stop) override;
  void close() override;
  bool tells_ddl() const override { return facts_.at_least(6, 0); }

 private:
  enum class Content : std::uint8_t { kWhole, kLeftOut };
  enum class State : std::uint8_t { kClosed, kStreaming, kInvalidated };

  Error refused_opening(Error error);
  Result<void> start(const Position& from, Content content);
  Result<void> inspect_server();
  void build_aggregate(const Position& from, Content content, std::int32_t batch_size, BsonDoc* command) const;
  void build_change_stage(const Position& from, bson_t* pipeline) const;
  Result<void> read_batch();
  Result<void> get_more();
  Result<void> open_with_batch();
  std::int32_t batch_size() const;
  Result<void> go_on_without_content(const Error& too_large);
  Result<ChangeBatch> take_batch(bool cut_short);
  Result<void> take_event(std::string_view event, ChangeBatch* batch);
  void advance(std::string_view last_event, bool cut_short);
  OpTime frontier(std::string_view last_event, bool cut_short) const;
  Result<void> read_cursor(bool* empty);
  Error fail(Error error);

  const SourceOptions options_;
  const std::string db_;  // the database, or `admin` for the whole deployment
  ClientSession session_;
  State state_ = State::kClosed;
  Content content_ = Content::kWhole;
  ServerChoice server_;
  ServerFacts facts_;
  std::int64_t cursor_id_ = 0;  // 0: the server has closed it
  std::string batch_token_;     // postBatchResumeToken of reply_
  std::string start_token_;     // the token that the stream began with: its time is not "seen" but "from here on"
  int refused_openings_ = 0;    // one after the other, with codes that may mean anything
  OpTime previous_reply_time_;  // operation time of the reply before reply_
  Position position_;
  BsonDoc reply_;                          // the events' bytes
  const char* batch_name_ = "firstBatch";  // what reply_ calls its batch
  std::deque<std::string> joined_;         // events that came in fragments; a deque because views point into it
  SplitEventJoiner joiner_;
};

}  // namespace dualsync
