// Looking at a queue from outside: `dualsync queue list`, `check` and `export`.
//
// Shape    docs/formats/queue.md
// Rule     nothing is written; a running daemon's directory can be looked at too, as it is at that moment
// Threads  plain functions
// Errors   kNotFound: no queue in the directory. kUnsupported: a newer format. kCorruption, kIo
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "dualsync/model/queue_listing.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

struct QueueProblem {
  std::string family;   // operations, pending, dead_letters, meta
  std::string record;   // "operation 17", "dirty/shop.bills"
  std::string problem;  // what is wrong with it
  std::string advice;   // what to do
};

struct QueueReport {
  std::string format;
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;  // of their records
  std::uint64_t ddl_operations = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t withheld = 0;  // held deletes, and discarded ones
  std::uint64_t dirty_ranges = 0;
  std::uint64_t index_entries = 0;
  OpTime position;                     // up to where local has been read
  std::vector<QueueProblem> problems;  // the first kProblemsKept
  std::uint64_t problem_count = 0;
  std::vector<std::string> notes;  // worth knowing, not damage

  static constexpr std::size_t kProblemsKept = 100;
};

// Records looked at, and how many there are about.
using InspectProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Every record of every column family. Damage is in the report, not an error: an error means that nothing could be
// read.
Result<QueueReport> check_queue(const std::string& directory, const InspectProgress& progress,
                                rocksdb::Env* env = nullptr);

// The oldest operations, at most `limit`.
Result<QueueListing> list_queue(const std::string& directory, std::size_t limit, rocksdb::Env* env = nullptr);

// Every document that the mass-delete guard keeps on the backup. kNotFound: there is no queue.
Result<std::vector<WithheldDocument>> read_withheld(const std::string& directory, rocksdb::Env* env = nullptr);

// Writes the queue as JSON, one operation in memory at a time. Returns how many. kIo: the stream cannot be written.
Result<std::uint64_t> export_queue(const std::string& directory, std::uint32_t retries_max, std::int64_t now_ms,
                                   std::ostream& out, rocksdb::Env* env = nullptr);

}  // namespace dualsync
