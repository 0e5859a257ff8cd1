#include "dualsync/queue/live_scan.h"

#include <bit>

namespace dualsync {
namespace {

// A chunk that starts this far before a number may hold it.
SeqNo lowest_start(SeqNo seq) { return seq < Chunk::kOperations ? 0 : seq - (Chunk::kOperations - 1); }

rocksdb::ReadOptions with_lower_bound(rocksdb::ReadOptions options, const rocksdb::Slice* bound) {
  options.iterate_lower_bound = bound;
  return options;
}

}  // namespace

LiveScan::LiveScan(RocksStore& store, SeqNo from, const rocksdb::ReadOptions& options, Override newer)
    : from_(from),
      newer_(std::move(newer)),
      lower_(seq_key(lowest_start(from))),
      lower_bound_(lower_),
      singles_(store.db()->NewIterator(options, store.operations())) {
  singles_->Seek(seq_key(from));
  if (store.chunks() != nullptr) {
    chunks_.reset(store.db()->NewIterator(with_lower_bound(options, &lower_bound_), store.chunks()));
    chunks_->Seek(lower_);
    read_chunk();
  }
  settle();
}

void LiveScan::next() {
  if (single_) singles_->Next();
  if (in_chunk_) step_in_chunk(seq_ - start_ + 1);
  settle();
}

void LiveScan::settle() {
  while (singles_->Valid() && singles_->key().size() != sizeof(SeqNo)) {
    odd_key_ = true;
    singles_->Next();
  }
  valid_ = singles_->Valid() || start_ != 0;
  single_ = in_chunk_ = false;
  if (!valid_) return;
  const SeqNo single = singles_->Valid() ? seq_of_key(singles_->key().ToStringView()) : 0;
  const SeqNo chunked = start_ != 0 ? start_ + index_ : 0;
  single_ = chunked == 0 || (single != 0 && single <= chunked);
  in_chunk_ = single == 0 || (chunked != 0 && chunked <= single);
  seq_ = single_ ? single : chunked;
  if (single_) {
    record_ = singles_->value().ToStringView();
  } else {
    record_ = view_ ? view_->record(index_) : std::string_view();
  }
  if (!newer_) return;
  if (const std::string_view newer = newer_(seq_); !newer.empty()) record_ = newer;
}

void LiveScan::read_chunk() {
  for (; chunks_->Valid(); chunks_->Next()) {
    if (chunks_->key().size() != sizeof(SeqNo)) {
      odd_key_ = odd_key_ || !Chunk::is_live_key(chunks_->key().ToStringView());
      continue;
    }
    start_ = seq_of_key(chunks_->key().ToStringView());
    bytes_.assign(chunks_->value().data(), chunks_->value().size());
    view_ = ChunkView::of(bytes_);
    live_ = view_ ? view_->members() : 1;
    masked_ = false;
    chunks_->Next();
    if (chunks_->Valid() && chunks_->key() == Chunk::live_key(start_)) {
      live_ &= Chunk::decode_mask(chunks_->value().ToStringView()).value_or(live_);
      masked_ = true;
      chunks_->Next();
    }
    step_in_chunk(from_ > start_ ? from_ - start_ : 0);
    return;
  }
  start_ = 0;
}

void LiveScan::step_in_chunk(std::size_t index) {
  const ChunkMask left = index < Chunk::kOperations ? live_ >> index << index : 0;
  if (left == 0) return read_chunk();
  index_ = static_cast<std::size_t>(std::countr_zero(left));
}

Result<void> LiveScan::status() const {
  DUALSYNC_TRY(rocks_result(singles_->status(), "queue read"));
  if (chunks_) DUALSYNC_TRY(rocks_result(chunks_->status(), "queue read"));
  if (!odd_key_) return {};
  return Error{ErrorKind::kCorruption, "an operation without a number", "run `dualsync queue check`", 0};
}

}  // namespace dualsync
