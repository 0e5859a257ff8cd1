// Namespace: `database.collection`. An empty collection stands for the whole database (dropDatabase).
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

namespace dualsync {

struct Namespace {
  std::string db;
  std::string collection;

  std::string full() const { return collection.empty() ? db : db + "." + collection; }
  // True if a change of the one concerns the other: equal, or one of them is the whole database.
  bool overlaps(const Namespace& other) const {
    return db == other.db && (collection.empty() || other.collection.empty() || collection == other.collection);
  }
  auto operator<=>(const Namespace&) const = default;

  // Splits at the first dot: a database's name holds none, a collection's may.
  static Namespace parse(std::string_view full) {
    const std::size_t dot = full.find('.');
    if (dot == std::string_view::npos) return {std::string(full), ""};
    return {std::string(full.substr(0, dot)), std::string(full.substr(dot + 1))};
  }
};

}  // namespace dualsync

template <>
struct std::hash<dualsync::Namespace> {
  std::size_t operator()(const dualsync::Namespace& ns) const noexcept {
    return std::hash<std::string>{}(ns.db) * 1000003U ^ std::hash<std::string>{}(ns.collection);
  }
};
