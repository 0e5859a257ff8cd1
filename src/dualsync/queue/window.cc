#include "dualsync/queue/window.h"

#include <xxhash.h>

#include <algorithm>

#include "dualsync/codec/operation_codec.h"

namespace dualsync {

bool QueuedDdl::concerns(std::string_view db, std::string_view collection) const {
  for (const Namespace& ns : event.concerns()) {
    if (ns.db == db && (ns.collection.empty() || collection.empty() || ns.collection == collection)) return true;
  }
  return false;
}

Window::Window(std::size_t lanes, std::size_t operations_max, std::size_t bytes_max)
    : operations_max_(operations_max), bytes_max_(bytes_max), lanes_(lanes) {}

bool Window::has_room() const {
  const std::size_t working = ops_.size() - std::min(delayed_count_, ops_.size());
  return ops_.empty() || (working < operations_max_ && ops_.size() < 4 * operations_max_ && bytes_ < bytes_max_);
}

bool Window::is_low() const {
  const std::size_t working = ops_.size() - std::min(delayed_count_, ops_.size());
  return working <= operations_max_ / 2 && (bytes_ <= bytes_max_ / 2 || ops_.empty());
}

WindowOp* Window::find(SeqNo seq) {
  const auto found = ops_.find(seq);
  return found == ops_.end() ? nullptr : &found->second;
}

WindowOp* Window::find_pending(std::string_view key) {
  const auto found = pending_.find(key);
  return found == pending_.end() ? nullptr : found->second;
}

WindowOp* Window::add(SeqNo seq, std::string record, std::string key) {
  WindowOp* op = &ops_.emplace_hint(ops_.end(), seq, WindowOp())->second;
  op->seq = seq;
  op->record = std::move(record);
  auto decoded = decode_operation(op->record);
  DUALSYNC_CHECK(decoded.ok());
  op->op = *decoded;
  bytes_ += op->record.size();
  op->ns = namespace_state(op->op.db, op->op.collection);
  if (op->op.kind == OpKind::kDdl) {
    op->state = WindowOp::State::kDdl;
    return op;
  }
  op->key = std::move(key);
  op->lane = XXH3_64bits(op->key.data(), op->key.size()) % lanes_.size();
  pending_.erase(op->key);  // the view must point into this operation, not into an older one of the same document
  pending_.emplace(op->key, op);
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
  ++op->ns->active;
  lanes_[op->lane].ready.push_back(op->seq);
}

void Window::replace_record(WindowOp* op, std::string record) {
  bytes_ -= op->record.size();
  op->record = std::move(record);
  bytes_ += op->record.size();
  auto decoded = decode_operation(op->record);
  DUALSYNC_CHECK(decoded.ok());
  op->op = *decoded;
  op->gone_since = {};
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
  if (op->state != WindowOp::State::kBlocked && op->state != WindowOp::State::kDdl) --op->ns->active;
}

void Window::remove(SeqNo seq) {
  const auto found = ops_.find(seq);
  if (found == ops_.end()) return;
  WindowOp* op = &found->second;
  leave_lane(op);
  bytes_ -= op->record.size();
  if (const auto pending = pending_.find(op->key); pending != pending_.end() && pending->second == op)
    pending_.erase(pending);
  ops_.erase(found);  // a sequence number left in `ready` or `blocked_` is passed over when its turn comes
}

std::vector<WindowOp*> Window::take(std::size_t lane_index, TakeLimits limits, SteadyTime now) {
  Lane& lane = lanes_[lane_index];
  while (!lane.delayed.empty() && lane.delayed.begin()->first <= now) {
    WindowOp* op = find(lane.delayed.begin()->second);
    lane.delayed.erase(lane.delayed.begin());
    if (op == nullptr) continue;
    --delayed_count_;
    op->state = WindowOp::State::kReady;
    lane.ready.push_front(op->seq);
  }
  std::vector<WindowOp*> taken;
  std::size_t bytes = 0;
  while (!lane.ready.empty() && taken.size() < limits.operations) {
    WindowOp* op = find(lane.ready.front());
    if (op == nullptr || op->state != WindowOp::State::kReady) {
      lane.ready.pop_front();
      continue;
    }
    if (!taken.empty() && bytes + op->record.size() > limits.bytes) break;
    lane.ready.pop_front();
    bytes += op->record.size();
    op->state = WindowOp::State::kInFlight;
    if (const auto pending = pending_.find(op->key); pending != pending_.end() && pending->second == op)
      pending_.erase(pending);
    taken.push_back(op);
  }
  return taken;
}

void Window::put_back(WindowOp* op, SteadyTime not_before) {
  DUALSYNC_CHECK(op->state == WindowOp::State::kInFlight);
  pending_.try_emplace(op->key, op);  // a newer one behind a DDL change stays the one to merge into
  Lane& lane = lanes_[op->lane];
  if (not_before == SteadyTime()) {
    op->state = WindowOp::State::kReady;
    lane.ready.push_front(op->seq);
    return;
  }
  op->state = WindowOp::State::kDelayed;
  op->not_before = not_before;
  ++delayed_count_;
  lane.delayed.emplace(not_before, op->seq);
}

void Window::make_ready(WindowOp* op) {
  if (op->state != WindowOp::State::kDelayed) return;
  leave_lane(op);
  ++op->ns->active;
  op->state = WindowOp::State::kReady;
  lanes_[op->lane].ready.push_front(op->seq);
}

std::optional<SteadyTime> Window::next_due(std::size_t lane) const {
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

const QueuedDdl* Window::last_ddl_of(std::string_view db, std::string_view collection) const {
  for (auto it = ddls_.rbegin(); it != ddls_.rend(); ++it) {
    if (it->concerns(db, collection)) return &*it;
  }
  return nullptr;
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
