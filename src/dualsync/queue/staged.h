// Staged: what one append() or complete() changes in the store, each record written once however often it was merged
// into.
//
// Threads  one owner
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/queue/chunk.h"
#include "dualsync/queue/window.h"

namespace dualsync {

class Staged {
 public:
  // A new operation, not yet in the store: its number, its chunk, and its record where that is not in the window.
  struct Fresh {
    SeqNo seq = 0;
    SeqNo chunk = 0;
    WindowOp* op = nullptr;  // null: not in the window
    std::size_t at = 0;      // of its record in `bytes`
    std::size_t size = 0;    // 0: gone again
  };

  // Of a record in `bytes_`.
  struct Part {
    std::size_t at = 0;
    std::size_t size = 0;
  };

  // The chunk that a new operation with a record of that size goes into.
  SeqNo place(SeqNo seq, std::size_t size);
  void add(SeqNo seq, SeqNo chunk, WindowOp* op);
  void add(SeqNo seq, SeqNo chunk, std::string_view record);

  // One in the window, changed.
  void touch(WindowOp* op);
  // One that only the store holds (true), or that is new and not in the window.
  bool change(SeqNo seq, std::string_view record);
  // What change() or add() was given; empty: the store's counts.
  std::string_view find(SeqNo seq) const;
  // It goes again before it is written. True if the store does not have it: it was new.
  bool drop(WindowOp* op);
  bool drop(SeqNo seq);

  bool empty() const { return fresh_.empty() && changed_.empty() && on_disk_.empty(); }

  // For writing them.
  std::vector<Fresh>& fresh() { return fresh_; }  // in the queue's order
  std::vector<WindowOp*>& changed() { return changed_; }
  const std::map<SeqNo, Part>& on_disk() const { return on_disk_; }
  std::string_view record_of(const Fresh& one) const {
    return one.op != nullptr ? std::string_view(one.op->record) : std::string_view(bytes_).substr(one.at, one.size);
  }
  std::string_view record_of(const Part& part) const { return std::string_view(bytes_).substr(part.at, part.size); }

 private:
  const Fresh* find_fresh(SeqNo seq) const;
  Fresh* find_fresh(SeqNo seq) { return const_cast<Fresh*>(std::as_const(*this).find_fresh(seq)); }

  std::vector<Fresh> fresh_;
  std::string bytes_;
  std::vector<WindowOp*> changed_;
  std::map<SeqNo, Part> on_disk_;
  SeqNo chunk_ = 0;  // the newest one
  std::size_t chunk_bytes_ = 0;
};

}  // namespace dualsync
