#include "dualsync/queue/hash_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace dualsync {
namespace {

// Few homes for many keys, so that they push each other on.
KeyHash crowded(std::uint64_t key) { return {(key % 5) << 20U, key}; }

TEST(HashTable, HoldsWhatAMapHolds) {
  const bool held = rc::check("hash table against a map", [](const std::vector<std::pair<bool, std::uint8_t>>& steps) {
    HashTable<std::uint64_t> table;
    std::map<std::uint64_t, std::uint64_t> map;
    std::uint64_t next = 1;
    for (const auto& [put, key] : steps) {
      const std::uint64_t value = map.contains(key) ? map[key] : 0;
      if (put) {
        table.put(crowded(key), next);
        map[key] = next++;
      } else {
        table.erase(crowded(key), value + 1);  // another value: stays
        table.erase(crowded(key), value);
        map.erase(key);
      }
      RC_ASSERT(table.size() == map.size());
      for (std::uint64_t k = 0; k < 256; ++k) RC_ASSERT(table.find(crowded(k)) == (map.contains(k) ? map.at(k) : 0));
    }
  });
  EXPECT_TRUE(held);
}

TEST(HashTable, GrowsAndGivesItsMemoryBack) {
  HashTable<std::uint64_t> table;
  constexpr std::uint64_t kMany = 200'000;
  for (std::uint64_t n = 1; n <= kMany; ++n) table.put(KeyHash::of_number(n), n);
  for (std::uint64_t n = 1; n <= kMany; ++n) ASSERT_EQ(table.find(KeyHash::of_number(n)), n);
  std::uint64_t sum = 0;
  table.for_each([&](const KeyHash& hash, std::uint64_t value) {
    ASSERT_EQ(hash, KeyHash::of_number(value));
    sum += value;
  });
  EXPECT_EQ(sum, kMany * (kMany + 1) / 2);
  for (std::uint64_t n = 1; n <= kMany; ++n) table.erase(KeyHash::of_number(n), n);
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.find(KeyHash::of_number(7)), 0U);
}

}  // namespace
}  // namespace dualsync
