// What a lane is given.
#include <algorithm>

#include "dualsync/queue/window.h"

namespace dualsync {

void Window::wake_delayed(Lane* lane, SteadyTime now) {
  while (!lane->delayed.empty() && lane->delayed.begin()->first <= now) {
    WindowOp* op = find(lane->delayed.begin()->second);
    lane->delayed.erase(lane->delayed.begin());
    if (op == nullptr) continue;
    --delayed_count_;
    op->state = WindowOp::State::kReady;
    lane->ready.push_front(op->seq);
  }
}

bool Window::has_ready_delete() const {
  const auto is_delete = [this](SeqNo seq) {
    const WindowOp* op = find(seq);
    return op != nullptr && op->state == WindowOp::State::kReady && op->op.kind == OpKind::kDelete;
  };
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [&](const Lane& lane) { return std::any_of(lane.ready.begin(), lane.ready.end(), is_delete); });
}

std::vector<WindowOp*> Window::take_deletes(Lane* lane, TakeLimits limits) {
  std::vector<WindowOp*> taken;
  std::deque<SeqNo> others;
  for (const SeqNo seq : lane->ready) {
    WindowOp* op = find(seq);
    if (op == nullptr || op->state != WindowOp::State::kReady) continue;
    if (op->op.kind != OpKind::kDelete || taken.size() >= limits.operations) {
      others.push_back(seq);
      continue;
    }
    op->state = WindowOp::State::kInFlight;
    unlink_pending(op);
    taken.push_back(op);
  }
  lane->ready = std::move(others);
  return taken;
}

std::vector<WindowOp*> Window::take(std::size_t lane_index, TakeLimits limits, SteadyTime now) {
  if (strict_) return take_in_order(limits, now);
  Lane& lane = lanes_[lane_index];
  wake_delayed(&lane, now);
  if (limits.deletes_only) return take_deletes(&lane, limits);
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
    unlink_pending(op);
    taken.push_back(op);
  }
  return taken;
}

std::vector<WindowOp*> Window::take_in_order(TakeLimits limits, SteadyTime now) {
  std::vector<WindowOp*> taken;
  HashTable<WindowOp*> documents;
  std::size_t bytes = 0;
  for (const SeqNo seq : strict_order_) {
    if (taken.size() >= limits.operations) break;
    WindowOp* op = find(seq);
    if (op->state == WindowOp::State::kDelayed && op->not_before <= now) make_ready(op);
    if (op->state != WindowOp::State::kReady) break;
    if (!taken.empty()) {
      const WindowOp& first = *taken.front();
      if (op->op.kind != first.op.kind || op->op.kind == OpKind::kDelta || op->ns != first.ns) break;
      if (documents.find(op->key) != nullptr || bytes + op->record.size() > limits.bytes) break;
    }
    bytes += op->record.size();
    documents.put(op->key, op);
    op->state = WindowOp::State::kInFlight;
    taken.push_back(op);
  }
  return taken;
}

}  // namespace dualsync
