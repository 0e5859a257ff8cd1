// Change events for hot_paths as a server sends them, in the sorts and sizes of bench/operations.py; always the same.
//
// Threads  one owner
#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dualsync/queue/queue_types.h"

namespace dualsync::bench {

enum class Events : std::uint8_t {
  kInserts,  // of documents of about 500 bytes
  kUpdates,  // two fields of one of a thousand documents
  kMixed,    // half inserts, 40 % updates, 10 % deletes of what was inserted
};

class EventMaker {
 public:
  explicit EventMaker(Events events) : events_(events) {}
  std::vector<std::string> make(std::size_t count);  // goes on where the last call ended

 private:
  static void start(bson_t* event, const char* type, std::int32_t id, std::uint32_t second);
  static std::string insert(std::int32_t id, std::uint32_t second);
  static std::string update(std::int32_t id, std::int32_t value, std::uint32_t second);
  static std::string removal(std::int32_t id, std::uint32_t second);
  std::int32_t random_hot();

  const Events events_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15ULL;
  std::uint32_t made_ = 0;
  std::int32_t inserted_ = 0;
  std::int32_t deleted_ = 0;
};

// Decoded, in batches as capture appends them. `events` must outlive the views; a malformed one ends the program.
std::vector<AppendBatch> batches_of(const std::vector<std::string>& events);

}  // namespace dualsync::bench
