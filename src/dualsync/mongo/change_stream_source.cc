#include "dualsync/mongo/change_stream_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dualsync/mongo/command_cursor.h"
#include "dualsync/mongo/resume_token.h"

namespace dualsync {
namespace {

constexpr const char* kEventCollection = "$cmd.aggregate";  // what getMore calls a stream of more than one collection
// A server ends a reply that nears 16 MiB; one above half of it may have been cut there.
constexpr std::size_t kCutShortBytes = std::size_t{8} * 1024 * 1024;

std::string_view document_field(std::string_view document, const char* name) {
  bson_iter_t iter;
  if (!find_field(document, name, &iter)) return {};
  return iter_document(iter).value_or("");
}

bool is_invalidate(std::string_view event) {
  bson_iter_t iter;
  return find_field(event, "operationType", &iter) && iter_string(iter) == "invalidate";
}

OpTime cluster_time_of(std::string_view event) {
  const auto view = view_bson(event);
  return view.has_value() ? timestamp_at(*view, "clusterTime") : OpTime{};
}

void append_stage(bson_t* pipeline, const char* index, const char* name, const BsonDoc& body) {
  bson_t stage;
  bson_append_document_begin(pipeline, index, -1, &stage);
  BSON_APPEND_DOCUMENT(&stage, name, body.get());
  bson_append_document_end(pipeline, &stage);
}

Error standalone_error(const std::string& hosts) {
  return {ErrorKind::kUnsupported, fmt::format("{}: a standalone server has no change streams", hosts),
          "Turn it into a replica set of one node: `dualsync doctor` prints the steps.", 40573};
}

}  // namespace

ChangeStreamSource::ChangeStreamSource(std::shared_ptr<ClientPool> pool, SourceOptions options)
    : options_(std::move(options)),
      db_(options_.single_database.empty() ? "admin" : options_.single_database),
      session_(std::move(pool)) {}

Result<Position> ChangeStreamSource::open(const Position& from) {
  close();
  DUALSYNC_TRY(inspect_server());
  if (const Result<void> started = start(from, Content::kWhole); !started.ok()) return started.error();
  position_ = from;
  if (from.empty()) {
    position_.token = batch_token_;
    const auto token = token_time(batch_token_);
    // Writes up to the server's time before the aggregate lie before the stream. mongod's first mark is the first
    // moment that the stream does deliver, not one that it has delivered.
    position_.time = facts_.operation_time;
    if (token.has_value() && token->high_water_mark) position_.time = std::max(position_.time, token->time.previous());
  }
  position_.replica_set = facts_.set_name;
  return position_;
}

void ChangeStreamSource::close() {
  if (state_ == State::kStreaming && cursor_id_ != 0) {
    BsonDoc command;
    BSON_APPEND_UTF8(command.get(), "killCursors", kEventCollection);
    bson_t cursors;
    bson_append_array_begin(command.get(), "cursors", -1, &cursors);
    BSON_APPEND_INT64(&cursors, "0", cursor_id_);
    bson_append_array_end(command.get(), &cursors);
    BsonDoc reply;
    ignore_error(session_.run(server_, db_, command, ErrorPlace::kChangeStream, "close the change stream", &reply),
                 "a cursor that cannot be closed is closed by the server when its time is over");
  }
  state_ = State::kClosed;
  cursor_id_ = 0;
  joiner_.reset();
  joined_.clear();
}

Result<void> ChangeStreamSource::inspect_server() {
  auto server = session_.select_primary();
  if (!server.ok()) return server.error();
  server_ = *server;
  auto facts = session_.facts(server_);
  if (!facts.ok()) return facts.error();
  facts_ = std::move(facts).value();
  if (facts_.is_standalone()) return standalone_error(session_.hosts());
  return {};
}

void ChangeStreamSource::build_change_stage(const Position& from, bson_t* pipeline) const {
  BsonDoc stage;
  if (options_.single_database.empty()) BSON_APPEND_BOOL(stage.get(), "allChangesForCluster", true);
  if (facts_.at_least(6, 0)) BSON_APPEND_BOOL(stage.get(), "showExpandedEvents", true);
  if (options_.post_images && facts_.at_least(6, 0)) BSON_APPEND_UTF8(stage.get(), "fullDocument", "whenAvailable");
  if (!from.empty()) append_document(stage.get(), from.after_invalidate ? "startAfter" : "resumeAfter", from.token);
  append_stage(pipeline, "0", "$changeStream", stage);
}

void ChangeStreamSource::build_aggregate(const Position& from, Content content, std::int32_t batch_size,
                                         BsonDoc* command) const {
  BSON_APPEND_INT32(command->get(), "aggregate", 1);
  bson_t pipeline;
  bson_append_array_begin(command->get(), "pipeline", -1, &pipeline);
  build_change_stage(from, &pipeline);
  if (content == Content::kLeftOut) {
    // Without updateDescription an update says only that the document changed: half of it would be a wrong change.
    BsonDoc left_out;
    BSON_APPEND_INT32(left_out.get(), "fullDocument", 0);
    BSON_APPEND_INT32(left_out.get(), "fullDocumentBeforeChange", 0);
    BSON_APPEND_INT32(left_out.get(), "updateDescription", 0);
    append_stage(&pipeline, "1", "$project", left_out);
  } else if (facts_.at_least(7, 0) || (facts_.major == 6 && facts_.minor == 0 && facts_.patch >= 9)) {
    append_stage(&pipeline, "1", "$changeStreamSplitLargeEvent", BsonDoc());
  }
  bson_append_array_end(command->get(), &pipeline);
  bson_t cursor;
  bson_append_document_begin(command->get(), "cursor", -1, &cursor);
  BSON_APPEND_INT32(&cursor, "batchSize", batch_size);
  bson_append_document_end(command->get(), &cursor);
  append_majority_read_concern(command, OpTime{});
}

Result<void> ChangeStreamSource::start(const Position& from, Content content) {
  BsonDoc command;
  build_aggregate(from, content, 0, &command);  // opening must not swallow events
  const std::string what =
      options_.single_database.empty() ? "open the change stream" : fmt::format("open the change stream of {}", db_);
  if (Result<void> sent = session_.run(server_, db_, command, ErrorPlace::kChangeStream, what, &reply_); !sent.ok()) {
    return from.empty() || sent.error().kind != ErrorKind::kRefused ? sent.error() : refused_opening(sent.error());
  }
  refused_openings_ = 0;
  bool empty = true;
  batch_name_ = "firstBatch";
  DUALSYNC_TRY(read_cursor(&empty));
  if (!empty || batch_token_.empty()) {
    return Error{ErrorKind::kUnsupported,
                 fmt::format("{}: the server does not keep to the change stream protocol", what),
                 "MongoDB 4.2 or newer is needed.", 0};
  }
  joiner_.reset();
  joined_.clear();
  start_token_ = batch_token_;
  previous_reply_time_ = operation_time_of(*reply_.get());
  content_ = content;
  state_ = State::kStreaming;
  return {};
}

// The pipeline is constant, so what the server refuses is our token: 260 or 9, or whatever code its version has for it.
// A low code that nobody lists may as well come from a server in trouble, and a lost position costs a comparison of
// everything: it has to say so three times, twenty seconds.
Error ChangeStreamSource::refused_opening(Error error) {
  constexpr std::array kOfParsing = {kCodeBadValue, 9, 14};  // 9: FailedToParse, 14: TypeMismatch
  constexpr int kLocations = 10'000;                         // codes of one place in the server's source, from here on
  constexpr int kTries = 3;
  const bool of_token =
      error.code >= kLocations || std::find(kOfParsing.begin(), kOfParsing.end(), error.code) != kOfParsing.end();
  const bool lost = of_token || ++refused_openings_ >= kTries;
  if (lost) refused_openings_ = 0;
  error.kind = lost ? ErrorKind::kPositionLost : ErrorKind::kConnectivity;
  return error;
}

Result<void> ChangeStreamSource::read_cursor(bool* empty) {
  cursor_id_ = 0;
  batch_token_.clear();
  *empty = true;
  bson_iter_t cursor;
  bson_iter_t field;
  if (!bson_iter_init_find(&cursor, reply_.get(), "cursor") || !bson_iter_recurse(&cursor, &field)) {
    return Error{ErrorKind::kUnsupported, "change stream: the server's answer holds no cursor", "", 0};
  }
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "id" && BSON_ITER_HOLDS_INT(&field)) {
      cursor_id_ = bson_iter_as_int64(&field);
    } else if (name == "postBatchResumeToken") {
      batch_token_ = iter_document(field).value_or("");
    } else if (name == batch_name_) {
      bson_iter_t events;
      *empty = !bson_iter_recurse(&field, &events) || !bson_iter_next(&events);
    }
  }
  return {};
}

Result<ChangeBatch> ChangeStreamSource::next(std::stop_token stop) {
  if (state_ == State::kClosed) {
    return Error{ErrorKind::kInvalidArgument, "next() of a change stream that is not open", "", 0};
  }
  if (stop.stop_requested()) return Error{ErrorKind::kStopped, "asked to stop", "", 0};
  joined_.clear();
  // After an invalidate, after the server closed the cursor, or after the events without content: on from our position.
  if (state_ == State::kInvalidated || cursor_id_ == 0 || content_ == Content::kLeftOut) {
    close();
    if (const Result<void> started = start(position_, Content::kWhole); !started.ok()) return fail(started.error());
  }
  previous_reply_time_ = std::max(previous_reply_time_, operation_time_of(*reply_.get()));
  Result<void> result = read_batch();
  if (!result.ok() && result.error().code == kCodeObjectTooLarge) result = go_on_without_content(result.error());
  if (!result.ok()) return fail(result.error());
  auto batch = take_batch(reply_.bytes().size() > kCutShortBytes);
  if (!batch.ok()) return fail(batch.error());
  if (stop.stop_requested() && batch->events.empty()) return Error{ErrorKind::kStopped, "asked to stop", "", 0};
  return batch;
}

Result<void> ChangeStreamSource::read_batch() {
  const bool closed_at_once = cursor_id_ == 0;
  if (const Result<void> read = closed_at_once ? open_with_batch() : get_more(); !read.ok()) {
    Error error = read.error();
    // It could a moment ago. Whether it still can, opening the stream tells.
    if (error.kind == ErrorKind::kUnsupported) error.kind = ErrorKind::kConnectivity;
    return error;
  }
  bool empty = true;
  DUALSYNC_TRY(read_cursor(&empty));
  if (!closed_at_once || !empty) return {};
  return Error{ErrorKind::kConnectivity, "the server closes the change stream as it opens it", "", 0};
}

// A server that finds an invalidate behind our position may close the cursor in its first answer, the one that we ask
// to be empty. What lies before the invalidate then comes in that answer or not at all.
Result<void> ChangeStreamSource::open_with_batch() {
  BsonDoc command;
  build_aggregate(position_, content_, batch_size(), &command);
  batch_name_ = "firstBatch";
  return session_.run(server_, db_, command, ErrorPlace::kChangeStream, "read the change stream", &reply_);
}

// Without content one event at a time, so that as few as possible lose theirs.
std::int32_t ChangeStreamSource::batch_size() const { return content_ == Content::kLeftOut ? 1 : options_.batch_size; }

Result<void> ChangeStreamSource::get_more() {
  BsonDoc command;
  BSON_APPEND_INT64(command.get(), "getMore", cursor_id_);
  BSON_APPEND_UTF8(command.get(), "collection", kEventCollection);
  BSON_APPEND_INT32(command.get(), "batchSize", batch_size());
  BSON_APPEND_INT64(command.get(), "maxTimeMS", options_.max_wait.count());
  batch_name_ = "nextBatch";
  return session_.run(server_, db_, command, ErrorPlace::kChangeStream, "read the change stream", &reply_);
}

Result<void> ChangeStreamSource::go_on_without_content(const Error& too_large) {
  cursor_id_ = 0;  // the failed getMore has closed it
  DUALSYNC_TRY(start(position_, Content::kLeftOut));
  Result<void> result = read_batch();
  if (result.ok() || result.error().code != kCodeObjectTooLarge) return result;
  Error lost = too_large.in("even without its content an event does not fit");
  lost.kind = ErrorKind::kPositionLost;  // there is no way past it but a new position and a comparison
  return lost;
}

Error ChangeStreamSource::fail(Error error) {
  state_ = State::kClosed;
  cursor_id_ = 0;
  joiner_.reset();
  return error;
}

Result<ChangeBatch> ChangeStreamSource::take_batch(bool cut_short) {
  ChangeBatch batch;
  bson_iter_t iter;
  bson_iter_t list;
  bson_iter_t event;
  std::string_view last;
  std::int32_t count = 0;
  if (bson_iter_init_find(&iter, reply_.get(), "cursor") && bson_iter_recurse(&iter, &list) &&
      bson_iter_find(&list, batch_name_) && bson_iter_recurse(&list, &event)) {
    batch.events.reserve(static_cast<std::size_t>(options_.batch_size));
    while (bson_iter_next(&event)) {
      const auto document = iter_document(event);
      if (!document.has_value()) return Error{ErrorKind::kCorruption, "a change event that is no document", "", 0};
      last = *document;
      ++count;
      DUALSYNC_TRY(take_event(last, &batch));
    }
  }
  if (!joiner_.pending()) advance(last, cut_short || count >= options_.batch_size || content_ == Content::kLeftOut);
  batch.position = position_;
  return batch;
}

Result<void> ChangeStreamSource::take_event(std::string_view event, ChangeBatch* batch) {
  const auto fragment = fragment_of(event);
  if (!fragment.has_value()) {
    batch->events.push_back(event);
    return {};
  }
  auto whole = joiner_.add(event, *fragment);
  if (!whole.ok()) return whole.error();
  if (whole->empty()) return {};
  joined_.push_back(std::move(whole).value());
  batch->events.push_back(joined_.back());
  return {};
}

// Moves position_ behind the batch that ended with `last_event` (empty: an empty batch).
void ChangeStreamSource::advance(std::string_view last_event, bool cut_short) {
  const OpTime time = frontier(last_event, cut_short && !last_event.empty());
  if (!last_event.empty() && is_invalidate(last_event)) {
    position_.token = document_field(last_event, "_id");
    position_.after_invalidate = true;
    state_ = State::kInvalidated;
  } else if (!batch_token_.empty() && batch_token_ != position_.token) {
    position_.token = batch_token_;
    position_.after_invalidate = false;
  }
  position_.time = std::max(position_.time, time);
}

OpTime ChangeStreamSource::frontier(std::string_view last_event, bool cut_short) const {
  const OpTime event_time = last_event.empty() ? OpTime{} : cluster_time_of(last_event);
  const auto token = token_time(batch_token_);
  if (token.has_value()) {
    // The mark that the stream started with: nothing at its own time has been looked at yet.
    if (last_event.empty() && token->high_water_mark && batch_token_ == start_token_) return OpTime{};
    // Through a mongos another shard may still have events of the same time.
    const bool may_have_more = facts_.is_mongos || (!token->high_water_mark && cut_short);
    return may_have_more ? token->time.previous() : token->time;
  }
  if (last_event.empty()) return previous_reply_time_;
  return cut_short ? event_time.previous() : event_time;
}

}  // namespace dualsync
