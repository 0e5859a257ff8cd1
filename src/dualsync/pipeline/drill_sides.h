// What a drill puts in front of the servers: a target that is written to slowly, and a backup whose documents are read
// from where they were restored to.
//
// Threads  as the sides behind them
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <utility>

#include "dualsync/pipeline/rate_limiter.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

class ThrottledSide final : public BackupSide {
 public:
  ThrottledSide(BackupSide& side, RateLimiter& limiter, std::stop_token stop)
      : side_(side), limiter_(limiter), stop_(std::move(stop)) {}
  std::unique_ptr<DocumentReader> make_reader() override { return side_.make_reader(); }
  std::unique_ptr<BackupWriter> make_writer() override;
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return side_.make_schema_writer(); }

 private:
  BackupSide& side_;
  RateLimiter& limiter_;
  const std::stop_token stop_;
};

// Scans of a collection in `restored` (backup -> scratch) read the restored one; everything else, also looking up
// single documents again, asks the backup.
class RestoredSide final : public BackupSide {
 public:
  RestoredSide(BackupSide& backup, BackupSide& target, std::map<Namespace, Namespace> restored)
      : backup_(backup), target_(target), restored_(std::move(restored)) {}
  std::unique_ptr<DocumentReader> make_reader() override;
  std::unique_ptr<BackupWriter> make_writer() override { return nullptr; }  // for comparisons only
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return nullptr; }

 private:
  BackupSide& backup_;
  BackupSide& target_;
  const std::map<Namespace, Namespace> restored_;
};

}  // namespace dualsync
