// What a comparison of local and backup found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

enum class DifferenceKind : std::uint8_t {
  kMissing,  // on local, not on the backup
  kForeign,  // on the backup, not on local
  kContent,  // on both, with different bytes
};
constexpr std::string_view to_string(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMissing: return "missing";
    case DifferenceKind::kForeign: return "foreign";
    case DifferenceKind::kContent: return "content";
  }
  return "unknown";
}

struct Difference {
  DifferenceKind kind = DifferenceKind::kContent;
  std::string document_key;  // BSON {_id: ...}
  std::string id_json;       // the `_id` in canonical Extended JSON
  std::string path;          // for kContent: the first field that differs
};

struct NamespaceReport {
  Namespace ns;  // as local names it
  std::uint64_t local_documents = 0;
  std::uint64_t backup_documents = 0;
  std::uint64_t by_digest = 0;          // of local_documents: equal by the servers' digests, and not read
  std::uint64_t difference_count = 0;   // all of them
  std::vector<Difference> differences;  // the first ones, bounded
  std::uint64_t unsettled = 0;          // changed all the time while they were looked at; not proven either way
  std::uint64_t excepted = 0;           // differ because the mass-delete guard keeps them on the backup
  std::vector<std::string> schema;      // differences of indexes, options, views, in words
  bool only_on_backup = false;          // local has no such collection
  bool kept = false;                    // and SYNC_ON_DROP=keep wants it to stay: no difference
  bool time_series = false;             // mirrored by comparing, not live: what is newer than that differs
  std::uint64_t pending = 0;            // of a time series: written since the comparison that mirrored it
  std::vector<std::uint64_t> marks;     // hashes of the measurements that differ, ascending; bounded

  bool equal() const { return difference_count == 0 && schema.empty(); }
};

struct VerifyReport {
  std::vector<NamespaceReport> namespaces;
  OpTime verified_until;  // local's cluster time when the comparison started
  double seconds = 0;
  bool whole = false;  // everything in scope was compared, not chosen namespaces

  bool equal() const {
    for (const NamespaceReport& report : namespaces) {
      if (!report.equal()) return false;
    }
    return true;
  }
  std::uint64_t unsettled() const {
    std::uint64_t sum = 0;
    for (const NamespaceReport& report : namespaces) sum += report.unsettled;
    return sum;
  }
  std::uint64_t excepted() const {
    std::uint64_t sum = 0;
    for (const NamespaceReport& report : namespaces) sum += report.excepted;
    return sum;
  }
  std::uint64_t by_digest() const {
    std::uint64_t sum = 0;
    for (const NamespaceReport& report : namespaces) sum += report.by_digest;
    return sum;
  }
  std::uint64_t documents() const {
    std::uint64_t sum = 0;
    for (const NamespaceReport& report : namespaces) sum += report.local_documents;
    return sum;
  }
};

}  // namespace dualsync
