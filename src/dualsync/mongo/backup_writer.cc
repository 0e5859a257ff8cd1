#include "dualsync/mongo/backup_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "dualsync/mongo/write_reply.h"

namespace dualsync {
namespace {

using Kind = WriteItem::Kind;

// Deletes first: they make room for what collides with them on a unique index. Inserts last.
constexpr std::array<Kind, 4> kOrder = {Kind::kDelete, Kind::kReplace, Kind::kDelta, Kind::kInsert};

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kInsert: return "insert into";
    case Kind::kReplace: return "replace in";
    case Kind::kDelta: return "update";
    case Kind::kDelete: return "delete from";
  }
  return "write to";
}

std::int64_t int_field(const bson_t& document, const char* name) {
  bson_iter_t iter;
  return bson_iter_init_find(&iter, &document, name) ? bson_iter_as_int64(&iter) : 0;
}

// Every delta of a command of which not all found something to change.
void heal_all(std::span<const std::size_t> sent, std::string_view what, std::vector<WriteOutcome>* outcomes) {
  for (const std::size_t place : sent) {
    WriteOutcome& outcome = (*outcomes)[place];
    if (!outcome.ok) continue;
    outcome.ok = false;
    outcome.error = {ErrorKind::kHeal, fmt::format("{}: a change that fits no document of the backup", what), "", 0};
  }
}

// By which the server says that deltas did what they should. One that matched and changed nothing was sent twice, or
// the update on local only moved fields, which $set cannot say. In order, reading again would be ahead of the order;
// and what is loose is all that is known.
const char* counted_field(bool in_order, bool loose) { return in_order || loose ? "n" : "nModified"; }

bool any_failed(const std::vector<WriteOutcome>& outcomes, std::span<const std::size_t> sent) {
  return std::any_of(sent.begin(), sent.end(), [&](std::size_t place) { return !outcomes[place].ok; });
}

// Of those before `end` the first that failed becomes the last. False: none failed.
bool cut_behind_failure(std::vector<WriteOutcome>* outcomes, std::size_t end) {
  for (std::size_t place = 0; place < end; ++place) {
    if ((*outcomes)[place].ok) continue;
    outcomes->resize(place + 1);
    return true;
  }
  return false;
}

// The server could not even read the command because of what an item holds: its size, its depth, its field names.
bool content_of_command(const Error& error) {
  constexpr std::array codes = {2, 9, 15, 22, 52, 56, 57, kCodeObjectTooLarge, 17280, 17419, 17420};
  return error.kind == ErrorKind::kRefused && std::find(codes.begin(), codes.end(), error.code) != codes.end();
}

}  // namespace

MongoBackupWriter::MongoBackupWriter(std::shared_ptr<ClientPool> pool, const WriterOptions& options)
    : session_(std::make_shared<ClientSession>(std::move(pool))),
      reader_(session_),
      bypass_validation_(options.bypass_validation) {
  session_->set_gate(options.gate);
}

Result<void> MongoBackupWriter::learn_server() {
  if (server_known_) return {};
  auto server = session_->select_primary();
  if (!server.ok()) return server.error();
  const auto facts = session_->known_facts(*server);  // a writer is made for every page of a copy
  if (!facts.ok()) return facts.error();
  bytes_max_ = static_cast<std::size_t>(facts->max_bson_size);
  keep_zero_timestamps_ = facts->at_least(5, 0);
  server_known_ = true;
  return {};
}

Result<std::vector<WriteOutcome>> MongoBackupWriter::write(const Namespace& ns, std::span<const WriteItem> items) {
  return noted(ns, write_each(ns, items));
}

Result<std::vector<WriteOutcome>> MongoBackupWriter::write_atomically(const Namespace& ns,
                                                                      std::span<const WriteItem> items) {
  return noted(ns, write_all_or_nothing(ns, items));
}

Result<std::vector<WriteOutcome>> MongoBackupWriter::noted(const Namespace& ns,
                                                           Result<std::vector<WriteOutcome>> outcomes) {
  // In order, what was answered before the answer that is missing is told as well.
  const Error* error = !outcomes.ok()                               ? &outcomes.error()
                       : !outcomes->empty() && !outcomes->back().ok ? &outcomes->back().error
                                                                    : nullptr;
  if (error != nullptr && error->kind == ErrorKind::kConnectivity) unanswered_ = ns;
  return outcomes;
}

Result<void> MongoBackupWriter::settle() {
  if (!unanswered_) return {};
  BsonDoc command;
  build_no_change(unanswered_->collection, &command);
  BsonDoc reply;
  DUALSYNC_TRY(session_->write(unanswered_->db, &command, fmt::format("settle {}", unanswered_->full()), &reply));
  unanswered_.reset();
  return {};
}

// Deletes of many measurements by one statement: servers number only those that delete one document.
Result<void> MongoBackupWriter::remove_all(const Namespace& ns, std::span<const std::string_view> keys) {
  DUALSYNC_TRY(learn_server());
  while (!keys.empty()) {
    BsonDoc command;
    const auto taken = build_remove_all(ns.collection, keys, bytes_max_, &command);
    if (!taken.ok()) return taken.error();
    const std::string what = fmt::format("delete from {}", ns.full());
    BsonDoc reply;
    DUALSYNC_TRY(session_->write_unnumbered(ns.db, &command, what, &reply));
    bytes_sent_ += command.bytes().size();
    std::vector<std::size_t> places(*taken);
    std::iota(places.begin(), places.end(), 0);
    std::vector<WriteOutcome> outcomes(*taken);
    apply_write_errors(*reply.get(), places, what, &outcomes);
    for (const WriteOutcome& outcome : outcomes) {
      if (!outcome.ok) return outcome.error;
    }
    keys = keys.subspan(*taken);
  }
  return {};
}

Result<std::vector<WriteOutcome>> MongoBackupWriter::write_each(const Namespace& ns, std::span<const WriteItem> items) {
  DUALSYNC_TRY(learn_server());
  std::vector<WriteOutcome> outcomes(items.size());
  const Call call{ns, items, outcomes};
  std::vector<std::size_t> chosen;
  chosen.reserve(items.size());
  for (const Kind kind : kOrder) {
    chosen.clear();
    for (std::size_t place = 0; place < items.size(); ++place) {
      if (items[place].kind != kind) continue;
      if (kind == Kind::kDelta && !delta_changes_something(items[place].payload)) continue;  // nothing to do: a success
      chosen.push_back(place);
    }
    DUALSYNC_TRY(write_kind(call, kind, chosen));
  }
  DUALSYNC_TRY(restore_zero_timestamps(call));
  return outcomes;
}

// What was sent before an item failed is done; nothing behind it was tried.
Result<std::vector<WriteOutcome>> MongoBackupWriter::write_in_order(const Namespace& ns,
                                                                    std::span<const WriteItem> items) {
  return noted(ns, write_each_in_order(ns, items));
}

Result<std::vector<WriteOutcome>> MongoBackupWriter::write_each_in_order(const Namespace& ns,
                                                                         std::span<const WriteItem> items) {
  DUALSYNC_TRY(learn_server());
  std::vector<WriteOutcome> outcomes(items.size());
  const Call call{ns, items, outcomes, true};
  std::vector<std::size_t> chosen;
  for (std::size_t begin = 0; begin < items.size();) {
    const Kind kind = items[begin].kind;
    std::size_t end = begin;
    chosen.clear();
    for (; end < items.size() && items[end].kind == kind && (kind != Kind::kDelta || end == begin); ++end) {
      if (kind != Kind::kDelta || delta_changes_something(items[end].payload)) chosen.push_back(end);
    }
    const Result<void> written = write_kind(call, kind, chosen);
    if (!written.ok()) {
      if (begin == 0) return written.error();
      outcomes[begin] = WriteOutcome::failed(written.error());
    }
    if (cut_behind_failure(&outcomes, end)) break;
    begin = end;
  }
  DUALSYNC_TRY(restore_zero_timestamps(call));
  cut_behind_failure(&outcomes, outcomes.size());
  return outcomes;
}

Result<void> MongoBackupWriter::write_kind(const Call& call, Kind kind, std::span<const std::size_t> chosen) {
  while (!chosen.empty()) {
    const auto done = send(call, kind, chosen);
    if (!done.ok()) return done.error();
    if (call.in_order && any_failed(call.outcomes, chosen.first(*done))) return {};
    chosen = chosen.subspan(*done);
  }
  return {};
}

std::vector<std::size_t> MongoBackupWriter::zero_timestamps_in(std::span<const WriteItem> items) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < items.size(); ++place) {
    const Kind kind = items[place].kind;
    const bool whole = kind == Kind::kInsert || kind == Kind::kReplace;
    if (whole && has_zero_timestamp(items[place].payload)) places.push_back(place);
  }
  return places;
}

WriteFlags MongoBackupWriter::flags_for(const Call& call, Kind kind, std::span<const std::size_t> chosen) const {
  WriteFlags flags;
  if (kind == Kind::kDelete) return flags;
  flags.bypass_validation = bypass_validation_;
  if (keep_zero_timestamps_ && kind != Kind::kDelta) {
    const auto& zero = call.zero_timestamps;  // in ascending order
    flags.keep_zero_timestamps = !zero.empty() && std::any_of(chosen.begin(), chosen.end(), [&](std::size_t place) {
      return std::binary_search(zero.begin(), zero.end(), place);
    });
  }
  return flags;
}

// True if the command can be sent again without something that this server, or our role, does not allow.
bool MongoBackupWriter::give_up_flag(const WriteFlags& flags, const Error& error) {
  if (flags.keep_zero_timestamps && error.code == kCodeUnknownField) {
    keep_zero_timestamps_ = false;
    return true;
  }
  if (flags.bypass_validation && error.code == kCodeUnauthorized) {
    bypass_validation_ = false;
    return true;
  }
  return false;
}

Result<std::size_t> MongoBackupWriter::send(const Call& call, Kind kind, std::span<const std::size_t> chosen) {
  const std::string what = fmt::format("{} {}", name_of(kind), call.ns.full());
  BsonDoc reply;
  while (true) {
    BsonDoc command;
    const WriteBuild build{kind,       &call.ns.collection,           call.items,   chosen,
                           bytes_max_, flags_for(call, kind, chosen), call.in_order};
    const auto fits = build_write(build, &command);
    if (!fits.ok()) return fits.error();
    const std::span<const std::size_t> in_command = chosen.first(*fits);
    const Result<void> sent = session_->write(call.ns.db, &command, what, &reply);
    bytes_sent_ += command.bytes().size();
    if (sent.ok()) {
      chosen = in_command;
      break;
    }
    if (give_up_flag(build.flags, sent.error())) continue;
    if (sent.error().kind != ErrorKind::kRefused) return sent.error();
    DUALSYNC_TRY(refused(call, kind, in_command, sent.error()));
    return in_command.size();
  }
  const std::size_t errors = apply_write_errors(*reply.get(), chosen, what, &call.outcomes);
  apply_upserts(*reply.get(), chosen, &call.outcomes);
  if (kind == Kind::kDelta) {
    const char* const counted = counted_field(call.in_order, call.items[chosen.front()].loose);
    const auto done = static_cast<std::size_t>(std::max<std::int64_t>(0, int_field(*reply.get(), counted)));
    if (done + errors < chosen.size()) heal_all(chosen, what, &call.outcomes);
  }
  return chosen.size();
}

// Not every server knows bypassEmptyTsReplacement, and one that knows it may ignore it; an update with $set is taken as
// it is by all. Such documents are rare, so the second command costs nothing that matters.
Result<void> MongoBackupWriter::restore_zero_timestamps(const Call& call) {
  std::vector<std::size_t> places;
  for (const std::size_t place : call.zero_timestamps) {
    if (place < call.outcomes.size() && call.outcomes[place].ok) places.push_back(place);
  }
  constexpr std::size_t kAtOnce = 1000;
  for (std::size_t begin = 0; begin < places.size(); begin += kAtOnce) {
    const auto chosen = std::span(places).subspan(begin, std::min(kAtOnce, places.size() - begin));
    BsonDoc command;
    DUALSYNC_TRY(build_zero_timestamps(call.ns.collection, call.items, chosen, bypass_validation_, &command));
    BsonDoc reply;
    DUALSYNC_TRY(session_->write(call.ns.db, &command, fmt::format("zero timestamps of {}", call.ns.full()), &reply));
    bytes_sent_ += command.bytes().size();
    apply_write_errors(*reply.get(), chosen, "zero timestamps", &call.outcomes);
  }
  return {};
}

// A command refused as a whole: finds the item that is to blame by halving, where it can be one item's fault.
Result<void> MongoBackupWriter::refused(const Call& call, Kind kind, std::span<const std::size_t> sent,
                                        const Error& error) {
  if (sent.size() > 1 && content_of_command(error)) {
    DUALSYNC_TRY(write_kind(call, kind, sent.first(sent.size() / 2)));
    if (call.in_order && any_failed(call.outcomes, sent.first(sent.size() / 2))) return {};
    return write_kind(call, kind, sent.subspan(sent.size() / 2));
  }
  for (const std::size_t place : sent) {
    call.outcomes[place].ok = false;
    call.outcomes[place].error = error;
  }
  return {};
}

}  // namespace dualsync
