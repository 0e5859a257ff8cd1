#include "dualsync/pipeline/quick_compare.h"

#include <algorithm>

namespace dualsync {
namespace {

// One difference has so many documents read; and a server answers for so many within a moment.
constexpr std::uint64_t kRangeDocuments = 10'000;
constexpr std::uint64_t kQuickRangesMax = 2'000;

}  // namespace

Result<CompareCounts> QuickCompare::run(const Namespace& local_ns, const Namespace& backup_ns, std::uint64_t documents,
                                        std::stop_token stop,
                                        const std::function<Result<void>(const FoundDifference&)>& found,
                                        const std::function<void(const CompareCounts&)>& progress) {
  std::vector<std::string> points;
  const std::uint64_t parts = std::min(documents / kRangeDocuments + 1, kQuickRangesMax);
  if (parts > 1 && obstacle_.empty()) {
    auto split = local_.split_points(local_ns, static_cast<std::size_t>(parts));
    if (!split) return split.error().in("local " + local_ns.full());
    points = std::move(*split);
  }
  CompareCounts counts;
  for (std::size_t part = 0; part <= points.size(); ++part) {
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "comparison stopped", "", 0};
    const IdRange range{part == 0 ? "" : points[part - 1], part == points.size() ? "" : points[part]};
    auto equal = equal_digests(local_ns, backup_ns, range);
    if (!equal) return equal.error();
    if (*equal) {
      counts.local += **equal;
      counts.backup += **equal;
      by_digest_ += **equal;
    } else {
      const CompareCounts before = counts;
      const auto sum = [&](const CompareCounts& now) {
        return CompareCounts{before.local + now.local, before.backup + now.backup};
      };
      auto read = compare_namespace(local_, local_ns, backup_, backup_ns, range, stop, found,
                                    [&](const CompareCounts& now) { progress(sum(now)); });
      if (!read) return read.error();
      counts = sum(*read);
    }
    progress(counts);
  }
  return counts;
}

Result<std::optional<std::uint64_t>> QuickCompare::equal_digests(const Namespace& local_ns, const Namespace& backup_ns,
                                                                 const IdRange& range) {
  if (!obstacle_.empty()) return std::optional<std::uint64_t>{};
  const auto local = local_.digest(local_ns, range);
  const auto backup = local ? backup_.digest(backup_ns, range) : local;
  for (const auto& [side, answer] : {std::pair{"local", &local}, std::pair{"backup", &backup}}) {
    if (answer->ok()) continue;
    if (answer->error().kind != ErrorKind::kUnsupported) return answer->error().in(side);
    obstacle_ = std::string(side) + ": " + answer->error().message;
    return std::optional<std::uint64_t>{};
  }
  return *local == *backup ? std::optional(local->documents) : std::nullopt;
}

}  // namespace dualsync
