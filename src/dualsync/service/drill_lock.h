// DrillLock: one drill at a time on a data directory, and the name by which its scratch databases are known again.
//
// Shape    <data>/drill: 8 hexadecimal digits, made by the first drill; locked while one runs, also in this process
// Threads  any
// Errors   kConflict: another drill runs. kIo
#pragma once

#include <memory>
#include <string>

#include "dualsync/base/result.h"

namespace dualsync {

class DrillLock {
 public:
  static Result<std::unique_ptr<DrillLock>> take(const std::string& data_dir);
  ~DrillLock();
  DrillLock(const DrillLock&) = delete;
  DrillLock& operator=(const DrillLock&) = delete;

  const std::string& owner() const { return owner_; }

 private:
  explicit DrillLock(int file) : file_(file) {}
  Result<void> read_or_make_owner(const std::string& path);

  const int file_;
  std::string owner_;
};

}  // namespace dualsync
