// Window: the part of the queue that is decoded in memory, and who may work on what.
//
// Shape    a run of operations at the head of the queue (held namespaces left out). Each is in one state:
//            ready      waits in its lane
//            delayed    waits in its lane until a time
//            in flight  in a lane's hands; nothing merges into it
//            blocked    stands behind a DDL change of its namespace
//            ddl        a DDL change itself
// Order    a document always belongs to the same lane; of one document at most one operation is in flight and at most
//          one is pending on the same side of a DDL change, so that a lane never has two to choose from.
//          Strict: one lane, which gets what one command can carry of the oldest operations: of one namespace and one
//          kind, each document once (so that a command that is sent again changes nothing), deltas alone. Nothing
//          passes an operation that is delayed or in flight, nor a DDL change; nothing is "pending", so nothing merges
// Threads  none of its own: the queue's lock guards it
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dualsync/queue/hash_table.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

struct NamespaceState {
  Namespace ns;
  std::size_t active = 0;   // operations in lanes or in flight
  bool held = false;        // a copy is running: nothing of it is given to lanes
  SeqNo first_skipped = 0;  // the oldest operation left on disk because of that; 0: none
  OpTime first_skipped_time;
};

struct WindowOp {
  enum class State : std::uint8_t { kReady, kDelayed, kInFlight, kBlocked, kDdl };
  SeqNo seq = 0;
  std::string record;  // the encoded operation; `op` points into it
  OperationView op;
  KeyHash key;                // of namespace and canonical document key
  WindowOp* older = nullptr;  // while pending: the next older pending one of the same document
  NamespaceState* ns = nullptr;
  std::size_t lane = 0;
  State state = State::kReady;
  SteadyTime not_before;
  OpTime read_at;                              // see TakenOperation; what was read lives in memory only
  std::unique_ptr<std::string> read_document;  // null: nothing was there
  bool staged = false;                         // its record is about to be written
  bool single = false;                         // `operations` holds its record
  SeqNo chunk = 0;                             // and this chunk does, maybe an older one; 0: none
  std::uint64_t change = 0;                    // the entry of the change log with its newest record; 0: none
};

struct QueuedDdl {
  SeqNo seq = 0;
  DdlEvent event;
  bool in_flight = false;
  SteadyTime not_before;

  bool concerns(std::string_view db, std::string_view collection) const;
};

struct WindowOptions {
  std::size_t lanes = 1;
  std::size_t operations_max = 0;
  std::size_t bytes_max = 0;
  bool strict = false;

  static WindowOptions of(const QueueOptions& queue) {
    return {queue.lanes, queue.memory_operations, queue.memory_bytes, queue.strict};
  }
};

class Window {
 public:
  explicit Window(const WindowOptions& options);

  // True if one more operation may come in. Delayed ones do not count, so that refused documents block nobody.
  bool has_room() const;
  bool is_low() const;  // time to load more from disk
  // Full or not, nothing in here can go on before the oldest DDL change, and that is on disk.
  bool is_stuck() const;
  std::size_t size() const { return ops_.size(); }
  bool contains(SeqNo seq) const { return find(seq) != nullptr; }
  WindowOp* find(SeqNo seq) const { return ops_.find(KeyHash::of_number(seq)); }
  // The newest pending operation of that document, whatever its state but in flight.
  WindowOp* find_pending(const KeyHash& key) const { return pending_.find(key); }
  // The oldest one that is newer than `op`.
  WindowOp* next_pending(const WindowOp& op) const;
  const WindowOp* oldest();

  // Keeps a copy of an encoded record that is known to be whole. `key` does not matter for DDL.
  WindowOp* add(SeqNo seq, std::string_view record, const KeyHash& key);
  void replace_record(WindowOp* op, std::string_view record);
  void swap_record(WindowOp* op, std::string* record);  // the old one's memory is in `record` afterwards
  void remove(SeqNo seq);

  // The oldest operations that are ready in the lane, now in flight.
  std::vector<WindowOp*> take(std::size_t lane, TakeLimits limits, SteadyTime now);
  bool has_ready_delete() const;  // in any lane
  // Back from flight: pending again, ready at `not_before`.
  void put_back(WindowOp* op, SteadyTime not_before);
  void make_ready(WindowOp* op);  // a delayed one, now
  // Keeps what local held for a touch, unless too much is kept already: then it has to be read again.
  std::unique_ptr<std::string> take_read(WindowOp* op);
  void keep_read(WindowOp* op, OpTime read_at, std::unique_ptr<std::string> document);
  std::optional<SteadyTime> next_due(std::size_t lane) const;
  bool lane_has_ready(std::size_t lane) const;
  // Of a DDL change: strict order does not keep it behind something older.
  bool may_go(const WindowOp& ddl) const { return !strict_ || *strict_order_.begin() == ddl.seq; }

  NamespaceState* namespace_state(std::string_view db, std::string_view collection);
  void set_held(NamespaceState* state, bool held);
  bool is_held(std::string_view db, std::string_view collection) const;  // an empty collection: any of the database
  std::vector<const NamespaceState*> held_states() const;
  std::size_t active_in(const Namespace& ns) const;
  std::vector<NamespaceState*> states_of(const Namespace& ns);

  // DDL changes in queue order. An operation behind one of its namespace is blocked until unblock().
  std::deque<QueuedDdl>& ddls() { return ddls_; }
  const std::deque<QueuedDdl>& ddls() const { return ddls_; }
  // True if a DDL change of the namespace stands between the two places.
  bool ddl_between(std::string_view db, std::string_view collection, SeqNo older, SeqNo newer) const;
  void unblock();

 private:
  struct Lane {
    std::deque<SeqNo> ready;
    std::multimap<SteadyTime, SeqNo> delayed;
  };

  void wake_delayed(Lane* lane, SteadyTime now);
  std::vector<WindowOp*> take_deletes(Lane* lane, TakeLimits limits);
  std::vector<WindowOp*> take_in_order(TakeLimits limits, SteadyTime now);
  const WindowOp* first_in_order() const { return strict_order_.empty() ? nullptr : find(*strict_order_.begin()); }
  void put_in_order(SeqNo seq);
  WindowOp* take_node();
  void set_record(WindowOp* op, std::string_view record);
  bool is_blocked(const WindowOp& op) const;
  void route(WindowOp* op);
  void enter_lane(WindowOp* op);
  void leave_lane(WindowOp* op);
  void link_pending(WindowOp* op);
  void unlink_pending(WindowOp* op);  // does nothing if it is not pending

  const std::size_t operations_max_;
  const std::size_t bytes_max_;
  const bool strict_;
  std::set<SeqNo> strict_order_;  // everything in the window, if strict; the lanes' queues are empty then
  std::size_t bytes_ = 0;
  std::size_t read_bytes_ = 0;  // of the documents kept by keep_read()
  std::size_t delayed_count_ = 0;
  std::size_t active_ = 0;  // in lanes or in flight, of all namespaces
  int held_count_ = 0;
  HashTable<WindowOp*> ops_;                                              // by sequence number
  HashTable<WindowOp*> pending_;                                          // by document, the newest of each
  std::priority_queue<SeqNo, std::vector<SeqNo>, std::greater<>> order_;  // may name some that are gone
  std::deque<WindowOp> nodes_;  // their strings keep their memory, so that most operations allocate nothing
  std::vector<WindowOp*> free_nodes_;
  std::vector<Lane> lanes_;
  std::deque<SeqNo> blocked_;
  std::deque<QueuedDdl> ddls_;
  std::unordered_map<std::string, std::unique_ptr<NamespaceState>> states_;
  std::string state_key_;  // scratch
};

}  // namespace dualsync
