// How many operations a lane takes at once: more while a backlog remains and batches stay quick, fewer when the backup
// is slow or asks for less.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace dualsync {

class BatchSizer {
 public:
  static constexpr std::chrono::seconds kQuick{2};

  BatchSizer(std::size_t start, std::size_t max) : size_(std::min(start, max)), max_(max) {}

  std::size_t size() const { return size_; }
  void succeeded(std::size_t taken, std::chrono::milliseconds took) {
    if (taken >= size_ && took < kQuick) size_ = std::min(max_, size_ * 2);
    if (took >= kQuick) shrink();
  }
  void shrink() { size_ = std::max<std::size_t>(1, size_ / 2); }

 private:
  std::size_t size_;
  std::size_t max_;
};

}  // namespace dualsync
