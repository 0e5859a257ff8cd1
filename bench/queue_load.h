// Operations for queue_bench: documents of about 500 bytes, by patched bytes, so that making one costs next to nothing.
//
// Threads  one owner
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/operation.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync::bench {

enum class Load : std::uint8_t {
  kUpdates,    // $set of two fields: what merges are deltas
  kDocuments,  // whole documents
  kMixed,      // nine updates, then a whole document: what merges becomes a touch
};

// BSON bytes in which one or two int32 can be set.
class Patched {
 public:
  explicit Patched(std::string bytes);
  void set(std::int32_t id, std::int32_t value);
  const std::string& bytes() const { return bytes_; }

  static constexpr std::int32_t kId = 0x5A5A5A5A;     // stands where the id goes
  static constexpr std::int32_t kValue = 0x6B6B6B6B;  // and where the value goes

 private:
  static std::size_t place_of(std::string_view bytes, std::int32_t marker);
  std::string bytes_;
  const std::size_t id_;
  const std::size_t value_;
};

// Batches as capture hands them over, each document chosen at random out of `documents`.
class LoadMaker {
 public:
  LoadMaker(Load load, std::int32_t documents, std::size_t batch);
  // Valid until the next call.
  const AppendBatch& next();
  static std::string document(std::int32_t id);
  static std::int32_t id_of(std::string_view document_key);

 private:
  struct Slot {
    Patched key;
    Patched update;
    Patched document;
  };
  const Load load_;
  const std::int32_t documents_;
  std::vector<Slot> slots_;
  AppendBatch batch_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15ULL;  // the same operations every time
  std::uint64_t made_ = 0;
};

}  // namespace dualsync::bench
