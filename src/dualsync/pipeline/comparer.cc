#include "dualsync/pipeline/comparer.h"

#include "dualsync/codec/bson_compare.h"

namespace dualsync {
namespace {

constexpr std::uint64_t kProgressEvery = 1000;

}  // namespace

Result<CompareCounts> compare_namespace(DocumentReader& local, const Namespace& local_ns, DocumentReader& backup,
                                        const Namespace& backup_ns, const IdRange& range, std::stop_token stop,
                                        const std::function<Result<void>(const FoundDifference&)>& found,
                                        const std::function<void(const CompareCounts&)>& progress) {
  auto local_cursor = local.scan(local_ns, range);
  if (!local_cursor) return local_cursor.error();
  auto backup_cursor = backup.scan(backup_ns, range);
  if (!backup_cursor) return backup_cursor.error();
  CompareCounts counts;
  auto l = (*local_cursor)->next();
  auto b = (*backup_cursor)->next();
  for (std::uint64_t steps = 1;; ++steps) {
    if (!l) return l.error().in("local " + local_ns.full());
    if (!b) return b.error().in("backup " + backup_ns.full());
    if (l->empty() && b->empty()) break;
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "comparison stopped", "", 0};
    const auto order = l->empty()   ? std::strong_ordering::greater
                       : b->empty() ? std::strong_ordering::less
                                    : compare_ids(*l, *b);
    if (order < 0) {
      DUALSYNC_TRY(found({DifferenceKind::kMissing, *l, {}}));
    } else if (order > 0) {
      DUALSYNC_TRY(found({DifferenceKind::kForeign, {}, *b}));
    } else if (*l != *b) {
      DUALSYNC_TRY(found({DifferenceKind::kContent, *l, *b}));
    }
    if (order <= 0) {
      ++counts.local;
      l = (*local_cursor)->next();
    }
    if (order >= 0) {
      ++counts.backup;
      b = (*backup_cursor)->next();
    }
    if (steps % kProgressEvery == 0) progress(counts);
  }
  progress(counts);
  return counts;
}

}  // namespace dualsync
