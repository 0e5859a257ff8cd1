// What a drill is asked, and what it found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "dualsync/model/verify_report.h"

namespace dualsync {

enum class CompareLocal : std::uint8_t {
  kAuto,    // if it answers and the mirror says that the backup has caught up
  kAlways,  // kConnectivity if it does not answer
  kNever,
};

struct DrilledNamespace {
  Namespace ns;      // as local names it
  std::string type;  // collection, view, timeseries
  std::uint64_t documents = 0;
  std::uint64_t indexes = 0;          // that on `_id` included
  std::vector<std::string> problems;  // what is wrong with it, in words
  // Documents in which local differs, if they were compared.
  std::uint64_t difference_count = 0;   // all of them
  std::vector<Difference> differences;  // the first ones, bounded
  std::uint64_t unsettled = 0;          // changed all the time; not proven either way
  std::uint64_t excepted = 0;           // as NamespaceReport has it

  bool sound() const { return problems.empty() && difference_count == 0; }
};

struct DrillReport {
  std::vector<DrilledNamespace> namespaces;
  std::string target;            // hosts, without credentials
  bool whole = false;            // everything in scope was restored, not chosen namespaces
  bool compared = false;         // with local, as well as with the backup
  std::string local_note;        // why it was not compared with local; empty if it was
  std::uint64_t leftovers = 0;   // scratch databases of an earlier drill that were dropped
  std::int64_t finished_ms = 0;  // Unix time
  double seconds = 0;

  bool sound() const {
    return std::all_of(namespaces.begin(), namespaces.end(), [](const auto& one) { return one.sound(); });
  }
  std::uint64_t documents() const {
    std::uint64_t sum = 0;
    for (const DrilledNamespace& one : namespaces) sum += one.documents;
    return sum;
  }
};

}  // namespace dualsync
