// check_queue(): every record of every column family.
#include <algorithm>
#include <cstring>
#include <set>

#include "dualsync/codec/document_key.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/codec/validate.h"
#include "dualsync/queue/queue_impl.h"
#include "dualsync/queue/queue_inspect.h"

namespace dualsync {
namespace {

constexpr const char* kClear =
    "stop dualsync, keep a copy of SYNC_DATA_DIR, then run `dualsync queue clear --yes`: what the queue held is "
    "compared and repaired at the next start";
constexpr const char* kEmptyDirectory =
    "stop dualsync, keep a copy of SYNC_DATA_DIR and start with an empty one: everything is compared and repaired";
constexpr const char* kReport = "nothing is lost; please report it together with this output";
constexpr std::uint64_t kProgressEvery = 1000;

class Checker {
 public:
  Checker(RocksStore& store, const InspectProgress& progress) : store_(store), progress_(progress) {}

  QueueReport run() {
    meta();
    total_ = counters_.operations + counters_.dead_letters;
    operations();
    ddl_entries();
    pending();
    dead_letters();
    withheld();
    compare_counters();
    if (progress_) progress_(looked_, std::max(total_, looked_));
    return std::move(report_);
  }

 private:
  void wrong(const char* family, std::string record, std::string problem, const char* advice) {
    ++report_.problem_count;
    if (report_.problems.size() >= QueueReport::kProblemsKept) return;
    report_.problems.push_back({family, std::move(record), std::move(problem), advice});
  }

  // Each record of a family; a block that cannot be read ends it and is a problem of its own.
  template <typename Each>
  void scan(const char* family, rocksdb::ColumnFamilyHandle* handle, const char* advice, Each each) {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(store_.db()->NewIterator(options, handle));
    std::string last = "the first record";
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      last = each(it->key().ToStringView(), it->value().ToStringView());
      if (++looked_ % kProgressEvery == 0 && progress_) progress_(looked_, std::max(total_, looked_));
    }
    if (it->status().ok()) return;
    readable_ = false;
    wrong(family, "behind " + last, it->status().ToString(), advice);
  }

  void meta() {
    scan("meta", store_.meta(), kEmptyDirectory, [&](std::string_view key, std::string_view value) {
      const auto rest = [&](std::string_view prefix) { return std::string(key.substr(prefix.size())); };
      if (key.starts_with(kMetaDdlPrefix)) {
        return ddl_entry(rest(kMetaDdlPrefix), value);
      }
      const std::string name(key);
      if (key == kMetaPosition) {
        if (auto position = decode_position(value); !position) {
          wrong("meta", name, position.error().message, kEmptyDirectory);
        } else {
          report_.position = position->time;
        }
      } else if (key == kMetaCounters) {
        if (value.size() % sizeof(std::uint64_t) != 0 || value.size() < kCountersAtFirst) {
          wrong("meta", name, "its length is " + std::to_string(value.size()), kEmptyDirectory);
        } else {
          std::memcpy(&counters_, value.data(), std::min(value.size(), sizeof counters_));
        }
      } else if (key.starts_with(kMetaDirtyPrefix)) {
        ++report_.dirty_ranges;
        if (auto range = decode_dirty(rest(kMetaDirtyPrefix), value); !range)
          wrong("meta", name, range.error().message, kEmptyDirectory);
      } else if (key == "format") {
        report_.format = std::string(value);
      } else if (!key.starts_with(kMetaStatePrefix)) {
        report_.notes.push_back("meta holds an entry that this version does not know: " + name);
      }
      return name;
    });
  }

  std::string ddl_entry(const std::string& key, std::string_view value) {
    if (key.size() != sizeof(SeqNo)) {
      wrong("meta", "ddl/?", "its key is not a sequence number", kEmptyDirectory);
      return "ddl/?";
    }
    const SeqNo seq = seq_of_key(key);
    const std::string name = "ddl/" + std::to_string(seq);
    if (auto event = parse_ddl_event(value); !event) wrong("meta", name, event.error().message, kEmptyDirectory);
    ddls_[seq] = std::string(value);
    return name;
  }

  void operations() {
    scan("operations", store_.operations(), kClear, [&](std::string_view key, std::string_view) -> std::string {
      if (key.size() == sizeof(SeqNo)) return "operation " + std::to_string(seq_of_key(key));
      wrong("operations", "operation ?", "its key is not a sequence number", kClear);
      ++report_.operations;
      return "an operation without a number";
    });
    chunks();
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const auto changed = read_changes(store_);
    if (!changed) wrong("changes", "an entry", changed.error().message, kClear);
    for (LiveScan scan(store_, 0, options, newer_in(changed)); scan.valid(); scan.next())
      operation(scan.seq(), scan.record());
  }

  void operation(SeqNo seq, std::string_view record) {
    ++report_.operations;
    report_.bytes += record.size();
    const std::string name = "operation " + std::to_string(seq);
    if (seq < counters_.floor || seq >= counters_.next_seq) {
      wrong("operations", name,
            "its number is not between " + std::to_string(counters_.floor) + " and " +
                std::to_string(counters_.next_seq - 1),
            kClear);
    }
    if (auto problem = problem_of(seq, record); !problem.empty()) wrong("operations", name, problem, kClear);
  }

  void chunks() {
    if (store_.chunks() == nullptr) return;
    SeqNo start = 0;
    scan("chunks", store_.chunks(), kClear, [&](std::string_view key, std::string_view value) -> std::string {
      if (Chunk::is_live_key(key)) {
        const SeqNo of = seq_of_key(key.substr(0, sizeof(SeqNo)));
        const std::string name = "mask of chunk " + std::to_string(of);
        if (of != start) wrong("chunks", name, "its chunk is missing", kClear);
        if (!Chunk::decode_mask(value)) wrong("chunks", name, "its length is wrong", kClear);
        return name;
      }
      if (key.size() != sizeof(SeqNo)) {
        wrong("chunks", "chunk ?", "its key is not a sequence number", kClear);
        return "a chunk without a number";
      }
      start = seq_of_key(key);
      const std::string name = "chunk " + std::to_string(start);
      if (!ChunkView::of(value)) wrong("chunks", name, "its parts do not add up", kClear);
      return name;
    });
  }

  std::string problem_of(SeqNo seq, std::string_view record) {
    auto op = decode_operation(record);
    if (!op) return op.error().message;
    if (op->db.empty()) return "it names no database";
    if (!op->payload.empty() && !is_valid_bson(op->payload)) return "its content is not BSON";
    if (op->kind == OpKind::kDdl) {
      ++report_.ddl_operations;
      const auto entry = ddls_.find(seq);
      if (entry == ddls_.end()) return "a DDL change without its entry in meta";
      const bool same = entry->second == op->payload;
      ddls_.erase(entry);
      return same ? "" : "its entry in meta is another change";
    }
    if (op->collection.empty()) return "it names no collection";
    std::string key;
    if (!is_valid_bson(op->document_key) || !append_canonical_key(op->document_key, &key)) {
      return "its document key is not BSON with an _id";
    }
    if ((op->whole() || op->kind == OpKind::kDelta) == op->payload.empty()) {
      return op->payload.empty() ? "its content is missing" : "it has content and should have none";
    }
    return {};
  }

  void ddl_entries() {
    if (!readable_) return;
    for (const auto& [seq, event] : ddls_) {
      wrong("meta", "ddl/" + std::to_string(seq), "the operation that it belongs to is missing", kClear);
    }
  }

  void pending() {
    scan("pending", store_.pending(), kReport, [&](std::string_view key, std::string_view value) -> std::string {
      ++report_.index_entries;
      if (key.size() != sizeof(KeyHash) || value.size() != sizeof(SeqNo)) {
        wrong("pending", "an entry", "its length is wrong", kReport);
        return "an entry";
      }
      const SeqNo seq = DiskPlace::unpack(seq_of_key(value)).seq;
      const std::string name = "entry of operation " + std::to_string(seq);
      if (seq >= counters_.next_seq) wrong("pending", name, "no such operation was ever stored", kReport);
      return name;
    });
  }

  void dead_letters() {
    scan("dead_letters", store_.dead_letters(), kReport, [&](std::string_view key, std::string_view value) {
      ++report_.dead_letters;
      const std::string name =
          key.size() == sizeof(SeqNo) ? "dead letter " + std::to_string(seq_of_key(key)) : std::string("dead letter ?");
      if (key.size() != sizeof(SeqNo)) wrong("dead_letters", name, "its key is not a sequence number", kEmptyDirectory);
      if (auto letter = decode_dead_letter(0, value); !letter)
        wrong("dead_letters", name, letter.error().message, kEmptyDirectory);
      return name;
    });
  }

  void withheld() {
    if (store_.withheld() == nullptr) return;
    scan("withheld", store_.withheld(), kReport, [&](std::string_view key, std::string_view value) {
      ++report_.withheld;
      const std::string name =
          "held delete " + (key.size() < sizeof(SeqNo)
                                ? std::string("?")
                                : std::to_string(seq_of_key(key.substr(key.size() - sizeof(SeqNo)))));
      if (key.size() < sizeof(SeqNo)) wrong("withheld", name, "its key ends in no sequence number", kEmptyDirectory);
      if (auto op = decode_operation(value.substr(std::min<std::size_t>(1, value.size()))); !op)
        wrong("withheld", name, op.error().message, kEmptyDirectory);
      return name;
    });
  }

  void compare_counters() {
    if (!readable_) return;  // what could not be read cannot be counted
    const auto compare = [&](const char* name, std::uint64_t counted, std::uint64_t found) {
      if (counted == found) return;
      wrong("meta", "counters",
            std::string(name) + ": " + std::to_string(counted) + " counted, " + std::to_string(found) + " there",
            kClear);
    };
    compare("operations", counters_.operations, report_.operations);
    compare("bytes", counters_.bytes, report_.bytes);
    compare("dead letters", counters_.dead_letters, report_.dead_letters);
  }

  static constexpr std::size_t kCountersAtFirst = 11 * sizeof(std::uint64_t);  // those of the first version
  RocksStore& store_;
  const InspectProgress& progress_;
  Counters counters_;
  std::map<SeqNo, std::string> ddls_;  // those of meta; what is left after the operations belongs to none
  QueueReport report_;
  std::uint64_t looked_ = 0;
  std::uint64_t total_ = 0;
  bool readable_ = true;
};

}  // namespace

Result<QueueReport> check_queue(const std::string& directory, const InspectProgress& progress, rocksdb::Env* env) {
  std::vector<std::string> notes;
  auto store = RocksStore::open_read_only(directory, env, &notes);
  if (!store) return store.error();
  QueueReport report = Checker(**store, progress).run();
  report.notes.insert(report.notes.begin(), notes.begin(), notes.end());
  return report;
}

}  // namespace dualsync
