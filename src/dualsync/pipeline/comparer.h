// Comparer: walks one namespace, or a range of it, on both sides in `_id` order and reports every document that
// differs.
//
// Order    ascending `_id`; both sides are read once, from the first document to the last
// Memory   one page of each side
// Threads  one owner
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include "dualsync/model/verify_report.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

struct FoundDifference {
  DifferenceKind kind = DifferenceKind::kContent;
  std::string_view local;   // the document; empty for kForeign
  std::string_view backup;  // the document; empty for kMissing
};

struct CompareCounts {
  std::uint64_t local = 0;
  std::uint64_t backup = 0;
};

// `found` may return an error to stop the walk. `progress` is called now and then.
Result<CompareCounts> compare_namespace(DocumentReader& local, const Namespace& local_ns, DocumentReader& backup,
                                        const Namespace& backup_ns, const IdRange& range, std::stop_token stop,
                                        const std::function<Result<void>(const FoundDifference&)>& found,
                                        const std::function<void(const CompareCounts&)>& progress);

}  // namespace dualsync
