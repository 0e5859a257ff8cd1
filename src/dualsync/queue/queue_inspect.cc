// list_queue(), export_queue() and SyncQueue::list().
#include "dualsync/queue/queue_inspect.h"

#include <cstring>
#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/codec/operation_json.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

// Oldest first; `each` returns false to end it.
template <typename Each>
Result<void> each_operation(RocksStore& store, LiveScan::Override newer, Each each) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  LiveScan scan(store, 0, options, std::move(newer));
  for (; scan.valid(); scan.next()) {
    const SeqNo seq = scan.seq();
    auto op = decode_operation(scan.record());
    if (!op) {
      Error error = op.error().in("operation " + std::to_string(seq));
      if (error.hint.empty()) error.hint = "run `dualsync queue check`";
      return error;
    }
    auto more = each(seq, *op, scan.record().size());
    if (!more) return more.error();
    if (!*more) return {};
  }
  return scan.status();
}

Result<void> list_oldest(RocksStore& store, LiveScan::Override newer, std::size_t limit, QueueListing* listing) {
  return each_operation(
      store, std::move(newer), [&](SeqNo seq, const OperationView& op, std::size_t bytes) -> Result<bool> {
        listing->operations.push_back(
            {seq, op.kind, op.ns(), std::string(op.document_key), bytes, op.attempts, op.enqueued_ms, op.last_time});
        return listing->operations.size() < limit;
      });
}

}  // namespace

Result<QueueListing> list_queue(const std::string& directory, std::size_t limit, rocksdb::Env* env) {
  std::vector<std::string> notes;
  auto store = RocksStore::open_read_only(directory, env, &notes);
  if (!store) return store.error();
  QueueListing listing;
  auto counter_bytes = (*store)->get_meta(kMetaCounters);
  if (!counter_bytes) return counter_bytes.error();
  Counters counters;
  if (*counter_bytes)
    std::memcpy(&counters, (*counter_bytes)->data(), std::min((*counter_bytes)->size(), sizeof counters));
  listing.total = counters.operations;
  if (limit == 0) return listing;
  const auto changed = read_changes(**store);
  if (!changed) return changed.error();
  DUALSYNC_TRY(list_oldest(**store, newer_in(changed), limit, &listing));
  return listing;
}

Result<QueueListing> SyncQueue::list(std::size_t limit) const {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  QueueListing listing;
  listing.total = impl_->counters.operations;
  if (limit == 0) return listing;
  const auto in_window = [&impl = *impl_](SeqNo seq) DUALSYNC_REQUIRES(impl.mutex) {
    const WindowOp* op = impl.window.find(seq);
    return op == nullptr ? std::string_view() : std::string_view(op->record);
  };
  DUALSYNC_TRY(list_oldest(*impl_->store, in_window, limit, &listing));
  return listing;
}

Result<std::uint64_t> export_queue(const std::string& directory, std::uint32_t retries_max, std::int64_t now_ms,
                                   std::ostream& out, rocksdb::Env* env) {
  std::vector<std::string> notes;
  auto store = RocksStore::open_read_only(directory, env, &notes);
  if (!store) return store.error();
  const Error unwritable{ErrorKind::kIo, "the export cannot be written", "check the disk's space", 0};
  out << R"({"version":"1.0","timestamp":")" << iso8601(now_ms) << R"(","operations":[)";
  std::uint64_t written = 0;
  const auto changed = read_changes(**store);
  if (!changed) return changed.error();
  auto read =
      each_operation(**store, newer_in(changed), [&](SeqNo seq, const OperationView& op, std::size_t) -> Result<bool> {
        auto json = operation_to_json(seq, op, retries_max);
        if (!json) return json.error().in("operation " + std::to_string(seq));
        out << (written == 0 ? "\n" : ",\n") << *json;
        ++written;
        if (!out) return unwritable;
        return true;
      });
  if (!read) return read.error();
  out << "\n]}\n" << std::flush;
  if (!out) return unwritable;
  return written;
}

}  // namespace dualsync
