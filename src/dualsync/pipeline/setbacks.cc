#include "dualsync/pipeline/setbacks.h"

#include <algorithm>

namespace dualsync {

std::chrono::milliseconds Setbacks::note(const DirtyRange& range) {
  Setback& setback = known_[range.ns];
  const auto delay = setback.backoff.next();
  setback.until = clock_.now() + delay;
  setback.gap = range.gap;
  return delay;
}

void Setbacks::leave_out(std::vector<DirtyRange>* ranges) {
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
