// HashTable: a flat map from a document's 128-bit hash to a small value.
//
// Shape    open addressing, linear probing, at most 70 % full; the size is a power of two. Value() means "not there"
// Hash     of the queue key (namespace and canonical document key). Two keys with one hash are taken to be one
// document:
//          at 2^-128 a disk error is likelier
// Threads  none of its own
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dualsync {

struct KeyHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  static KeyHash of(std::string_view key) {
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    return {hash.low64, hash.high64};
  }
  // For a number that is a key by itself. Fibonacci hashing spreads consecutive ones over the table.
  static KeyHash of_number(std::uint64_t number) { return {number * 0x9E3779B97F4A7C15ULL, number}; }
  friend bool operator==(const KeyHash&, const KeyHash&) = default;
  friend auto operator<=>(const KeyHash&, const KeyHash&) = default;
};

template <typename Value>
class HashTable {
 public:
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

  // Value() if it is not there.
  Value find(const KeyHash& hash) const { return slots_.empty() ? Value() : slots_[probe(hash)].value; }

  void put(const KeyHash& hash, Value value) {
    if ((count_ + 1) * 10 > slots_.size() * 7) grow();
    Slot& slot = slots_[probe(hash)];
    if (slot.value == Value()) ++count_;
    slot = {hash, value};
  }

  // Forgets the entry if its value is `value`.
  void erase(const KeyHash& hash, Value value) {
    if (slots_.empty()) return;
    const std::size_t mask = slots_.size() - 1;
    std::size_t hole = probe(hash);
    if (slots_[hole].value != value || value == Value()) return;
    --count_;
    // Whoever was pushed past the hole moves into it, so that no probe ends too early.
    for (std::size_t at = (hole + 1) & mask; slots_[at].value != Value(); at = (at + 1) & mask) {
      const std::size_t from_home = (at - home(slots_[at].hash)) & mask;
      const std::size_t from_hole = (at - hole) & mask;
      if (from_home < from_hole) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    if (count_ == 0 && slots_.size() > kSlotsKept) clear();
  }

  void clear() {
    std::vector<Slot>().swap(slots_);
    count_ = 0;
  }

  template <typename Each>
  void for_each(Each each) const {
    for (const Slot& slot : slots_) {
      if (slot.value != Value()) each(slot.hash, slot.value);
    }
  }

 private:
  struct Slot {
    KeyHash hash;
    Value value{};
  };
  static constexpr std::size_t kFirstSlots = 1024;
  static constexpr std::size_t kSlotsKept = 64 * 1024;  // an emptied table larger than this gives its memory back

  std::size_t home(const KeyHash& hash) const { return (hash.low >> 20U) & (slots_.size() - 1); }
  // Of the entry, or of the free slot where it would go.
  std::size_t probe(const KeyHash& hash) const {
    std::size_t at = home(hash);
    while (slots_[at].value != Value() && slots_[at].hash != hash) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.empty() ? kFirstSlots : old.size() * 2, Slot());
    for (const Slot& slot : old) {
      if (slot.value != Value()) slots_[probe(slot.hash)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace dualsync
