// Which directory the daemon works in.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/config/settings.h"

namespace dualsync {

// Makes SYNC_DATA_DIR usable by its owner only, or else SYNC_DATA_DIR_FALLBACK, which then takes its place in
// `settings`. Returns why the first could not be used; empty: it is used. kIo: neither can be written.
Result<std::string> prepare_data_dir(Settings* settings);

// Whether the directory has been out of use for so long, while the mirror runs, that SYNC_DATA_DIR_FALLBACK takes its
// place: a disk that is full or away for a moment comes back, and what lies there need not be compared.
//
// Threads  one owner
class DirectoryWatch {
 public:
  static constexpr std::chrono::seconds kPatience{30};
  // A full disk lets the queue be opened again and fails the next write: shorter breaks than this do not count.
  static constexpr std::chrono::seconds kCalm{10};

  explicit DirectoryWatch(const Settings& settings) : fallback_(settings.data_dir_fallback), used_(settings.data_dir) {}

  // `trouble`: why the queue cannot be written now. Returns why to move; then the fallback can be written.
  std::optional<std::string> given_up(const std::optional<Error>& trouble, SteadyTime now);

 private:
  const std::string fallback_;
  const std::string used_;
  std::optional<SteadyTime> since_;  // of the trouble
  SteadyTime last_;                  // when there was trouble the last time
};

}  // namespace dualsync
