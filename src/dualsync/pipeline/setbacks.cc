#include "dualsync/pipeline/setbacks.h"

#include <algorithm>

namespace dualsync {

std::chrono::milliseconds Setbacks::note(const DirtyRange& range, const Error& error) {
  MutexLock lock(mutex_);
  Setback& setback = known_[range.ns];
  const auto delay = setback.backoff.next();
  setback.until = clock_.now() + delay;
  setback.gap = range.gap;
  setback.cause = error.message;
  return delay;
}

void Setbacks::forget(const DirtyRange& range) {
  MutexLock lock(mutex_);
  known_.erase(range.ns);
}

std::vector<RefusedRepair> Setbacks::view() const {
  MutexLock lock(mutex_);
  std::vector<RefusedRepair> refused;
  for (const auto& [ns, setback] : known_) {
    if (setback.backoff.attempts() > 1) refused.push_back({ns, setback.cause});
  }
  return refused;
}

void Setbacks::leave_out(std::vector<DirtyRange>* ranges) {
  MutexLock lock(mutex_);
  std::erase_if(known_, [&](const auto& each) {
    return std::none_of(ranges->begin(), ranges->end(), [&](const DirtyRange& range) {
      return range.ns == each.first && range.gap == each.second.gap;
    });
  });
  std::erase_if(*ranges, [&](const DirtyRange& range) {
    const auto found = known_.find(range.ns);
    return found != known_.end() && clock_.now() < found->second.until;
  });
}

}  // namespace dualsync
