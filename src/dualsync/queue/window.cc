#include "dualsync/queue/window.h"

#include <algorithm>

#include "dualsync/codec/operation_codec.h"

namespace dualsync {
namespace {

constexpr std::size_t kRecordMemoryKept = 2048;  // of an operation that is done, for the next one
constexpr std::size_t kStaleMax = 4096;          // sequence numbers in order_ whose operations are gone

}  // namespace

bool QueuedDdl::concerns(std::string_view db, std::string_view collection) const {
  for (const Namespace& ns : event.concerns()) {
    if (ns.db == db && (ns.collection.empty() || collection.empty() || ns.collection == collection)) return true;
  }
  return false;
}

Window::Window(const WindowOptions& options)
    : operations_max_(options.operations_max),
      bytes_max_(options.bytes_max),
      strict_(options.strict),
      lanes_(options.lanes) {
  DUALSYNC_CHECK(!strict_ || options.lanes == 1);
}

bool Window::has_room() const {
  const std::size_t working = ops_.size() - std::min(delayed_count_, ops_.size());
  return ops_.empty() || (working < operations_max_ && ops_.size() < 4 * operations_max_ && bytes_ < bytes_max_);
}

bool Window::is_low() const {
  const std::size_t working = ops_.size() - std::min(delayed_count_, ops_.size());
  return working <= operations_max_ / 2 && (bytes_ <= bytes_max_ / 2 || ops_.empty());
}

bool Window::is_stuck() const { return active_ == 0 && !ddls_.empty() && !contains(ddls_.front().seq); }

const WindowOp* Window::oldest() {
  while (!order_.empty() && !contains(order_.top())) order_.pop();
  return order_.empty() ? nullptr : find(order_.top());
}

// While the oldest one stays (refused, waiting to be tried again), those that came and went behind it must not pile up.
void Window::put_in_order(SeqNo seq) {
  if (order_.size() > 2 * ops_.size() + kStaleMax) {
    std::vector<SeqNo> present;
    ops_.for_each([&](const KeyHash&, const WindowOp* op) { present.push_back(op->seq); });
    order_ = decltype(order_)(std::greater<>(), std::move(present));
    return;  // `seq` is among them
  }
  order_.push(seq);
}

WindowOp* Window::take_node() {
  if (free_nodes_.empty()) return &nodes_.emplace_back();
  WindowOp* op = free_nodes_.back();
  free_nodes_.pop_back();
  return op;
}

void Window::set_record(WindowOp* op, std::string_view record) {
  op->record.assign(record);
  op->op = view_operation(op->record);
  take_read(op);
}

std::unique_ptr<std::string> Window::take_read(WindowOp* op) {
  if (op->read_document) read_bytes_ -= op->read_document->size();
  op->read_at = {};
  return std::move(op->read_document);
}

void Window::keep_read(WindowOp* op, OpTime read_at, std::unique_ptr<std::string> document) {
  take_read(op);
  const std::size_t size = document ? document->size() : 0;
  if (read_bytes_ > 0 && read_bytes_ + size > bytes_max_) return;
  read_bytes_ += size;
  op->read_at = read_at;
  op->read_document = std::move(document);
}

WindowOp* Window::add(SeqNo seq, std::string_view record, const KeyHash& key) {
  WindowOp* op = take_node();
  op->seq = seq;
  ops_.put(KeyHash::of_number(seq), op);
  put_in_order(seq);
  if (strict_) strict_order_.insert(seq);
  set_record(op, record);
  bytes_ += op->record.size();
  op->ns = namespace_state(op->op.db, op->op.collection);
  if (op->op.kind == OpKind::kDdl) {
    op->state = WindowOp::State::kDdl;
    return op;
  }
  op->key = key;
  op->lane = key.high % lanes_.size();
  link_pending(op);
  if (is_blocked(*op)) {
    op->state = WindowOp::State::kBlocked;
    blocked_.push_back(seq);
  } else {
    route(op);
  }
  return op;
}

void Window::route(WindowOp* op) {
  op->state = WindowOp::State::kReady;
  enter_lane(op);
  if (!strict_) lanes_[op->lane].ready.push_back(op->seq);
}

void Window::replace_record(WindowOp* op, std::string_view record) {
  bytes_ -= op->record.size();
  set_record(op, record);
  bytes_ += op->record.size();
}

void Window::swap_record(WindowOp* op, std::string* record) {
  bytes_ -= op->record.size();
  op->record.swap(*record);
  op->op = view_operation(op->record);
  take_read(op);
  bytes_ += op->record.size();
}

void Window::enter_lane(WindowOp* op) {
  ++op->ns->active;
  ++active_;
}

void Window::leave_lane(WindowOp* op) {
  if (op->state == WindowOp::State::kDelayed) {
    --delayed_count_;
    auto& delayed = lanes_[op->lane].delayed;
    for (auto [it, end] = delayed.equal_range(op->not_before); it != end; ++it) {
      if (it->second == op->seq) {
        delayed.erase(it);
        break;
      }
    }
  }
  if (op->state == WindowOp::State::kBlocked || op->state == WindowOp::State::kDdl) return;
  --op->ns->active;
  --active_;
}

void Window::link_pending(WindowOp* op) {
  if (strict_) return;
  WindowOp* newest = find_pending(op->key);
  if (newest == nullptr || newest->seq < op->seq) {
    op->older = newest;
    pending_.put(op->key, op);
    return;
  }
  WindowOp* newer = newest;
  while (newer->older != nullptr && newer->older->seq > op->seq) newer = newer->older;
  op->older = newer->older;
  newer->older = op;
}

void Window::unlink_pending(WindowOp* op) {
  if (strict_) return;
  WindowOp* newer = find_pending(op->key);
  if (newer == op) {
    pending_.erase(op->key, op);
    if (op->older != nullptr) pending_.put(op->key, op->older);
  } else {
    while (newer != nullptr && newer->older != op) newer = newer->older;
    if (newer == nullptr) return;
    newer->older = op->older;
  }
  op->older = nullptr;
}

WindowOp* Window::next_pending(const WindowOp& op) const {
  WindowOp* found = nullptr;
  for (WindowOp* at = find_pending(op.key); at != nullptr && at->seq > op.seq; at = at->older) found = at;
  return found;
}

void Window::remove(SeqNo seq) {
  WindowOp* op = find(seq);
  if (op == nullptr) return;
  leave_lane(op);
  strict_order_.erase(seq);
  bytes_ -= op->record.size();
  take_read(op);
  if (op->state != WindowOp::State::kDdl) unlink_pending(op);
  ops_.erase(KeyHash::of_number(seq), op);  // a number left in `ready` or `blocked_` is passed over at its turn
  std::string record = std::move(op->record);
  if (record.capacity() > kRecordMemoryKept) record = std::string();
  *op = WindowOp();
  op->record = std::move(record);
  free_nodes_.push_back(op);
}

bool Window::lane_has_ready(std::size_t lane) const {
  if (!strict_) return !lanes_[lane].ready.empty();
  const WindowOp* first = first_in_order();
  return first != nullptr && first->state == WindowOp::State::kReady;
}

void Window::put_back(WindowOp* op, SteadyTime not_before) {
  DUALSYNC_CHECK(op->state == WindowOp::State::kInFlight);
  link_pending(op);
  Lane& lane = lanes_[op->lane];
  if (not_before == SteadyTime()) {
    op->state = WindowOp::State::kReady;
    if (!strict_) lane.ready.push_front(op->seq);
    return;
  }
  op->state = WindowOp::State::kDelayed;
  op->not_before = not_before;
  ++delayed_count_;
  if (!strict_) lane.delayed.emplace(not_before, op->seq);
}

void Window::make_ready(WindowOp* op) {
  if (op->state != WindowOp::State::kDelayed) return;
  leave_lane(op);
  enter_lane(op);
  op->state = WindowOp::State::kReady;
  if (!strict_) lanes_[op->lane].ready.push_front(op->seq);
}

std::optional<SteadyTime> Window::next_due(std::size_t lane) const {
  if (strict_) {
    const WindowOp* first = first_in_order();
    return first != nullptr && first->state == WindowOp::State::kDelayed ? std::optional(first->not_before)
                                                                         : std::nullopt;
  }
  const auto& delayed = lanes_[lane].delayed;
  if (delayed.empty()) return std::nullopt;
  return delayed.begin()->first;
}

NamespaceState* Window::namespace_state(std::string_view db, std::string_view collection) {
  state_key_.assign(db).push_back('\0');
  state_key_.append(collection);
  auto& slot = states_[state_key_];
  if (!slot) {
    slot = std::make_unique<NamespaceState>();
    slot->ns = {std::string(db), std::string(collection)};
  }
  return slot.get();
}

std::vector<NamespaceState*> Window::states_of(const Namespace& ns) {
  std::vector<NamespaceState*> found;
  for (auto& [key, state] : states_) {
    if (state->ns.overlaps(ns)) found.push_back(state.get());
  }
  return found;
}

void Window::set_held(NamespaceState* state, bool held) {
  if (state->held != held) held_count_ += held ? 1 : -1;
  state->held = held;
}

bool Window::is_held(std::string_view db, std::string_view collection) const {
  if (held_count_ == 0) return false;
  return std::any_of(states_.begin(), states_.end(), [&](const auto& entry) {
    const NamespaceState& state = *entry.second;
    return state.held && state.ns.db == db && (collection.empty() || state.ns.collection == collection);
  });
}

std::vector<const NamespaceState*> Window::held_states() const {
  std::vector<const NamespaceState*> held;
  if (held_count_ == 0) return held;
  for (const auto& [key, state] : states_) {
    if (state->held) held.push_back(state.get());
  }
  return held;
}

std::size_t Window::active_in(const Namespace& ns) const {
  std::size_t active = 0;
  for (const auto& [key, state] : states_) {
    if (state->ns.overlaps(ns)) active += state->active;
  }
  return active;
}

bool Window::ddl_between(std::string_view db, std::string_view collection, SeqNo older, SeqNo newer) const {
  for (auto it = ddls_.rbegin(); it != ddls_.rend() && it->seq > older; ++it) {
    if (it->seq < newer && it->concerns(db, collection)) return true;
  }
  return false;
}

bool Window::is_blocked(const WindowOp& op) const {
  return std::any_of(ddls_.begin(), ddls_.end(), [&](const QueuedDdl& ddl) {
    return ddl.seq < op.seq && ddl.concerns(op.op.db, op.op.collection);
  });
}

void Window::unblock() {
  std::deque<SeqNo> still;
  for (const SeqNo seq : blocked_) {
    WindowOp* op = find(seq);
    if (op == nullptr || op->state != WindowOp::State::kBlocked) continue;
    if (is_blocked(*op)) {
      still.push_back(seq);
    } else {
      route(op);
    }
  }
  blocked_ = std::move(still);
}

}  // namespace dualsync
