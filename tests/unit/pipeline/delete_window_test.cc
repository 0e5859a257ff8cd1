#include "dualsync/pipeline/delete_window.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

constexpr std::uint32_t kBegin = 1000;

TEST(DeleteWindow, CountsFromTheHighestPoint) {
  DeleteWindow window;
  EXPECT_EQ(window.take_peak(), 0);
  window.add_insert(kBegin);
  EXPECT_TRUE(window.empty()) << "inserts alone are not kept";
  window.add_deletes(kBegin, 10);
  for (int i = 0; i < 4; ++i) window.add_insert(kBegin + 1);
  EXPECT_EQ(window.take_peak(), 10) << "since nobody asked while it was that much";
  EXPECT_EQ(window.take_peak(), 6);
  window.add_deletes(kBegin + 2, 3);
  EXPECT_EQ(window.take_peak(), 9);
  window.add_deletes(kBegin + 3, 5);
  EXPECT_EQ(window.take_peak(), 14);
  window.add_deletes(kBegin + 3 + DeleteWindow::kSeconds - 1, 1);
  EXPECT_EQ(window.take_peak(), 6) << "five minutes later only the newest count";
}

TEST(DeleteWindow, InsertsBeforeTheDeletesDoNotMakeUpForThem) {
  DeleteWindow window;
  window.add_deletes(kBegin, 1);
  for (int i = 0; i < 1000; ++i) window.add_insert(kBegin);
  window.add_deletes(kBegin, 600);
  EXPECT_EQ(window.take_peak(), 600);
}

}  // namespace
}  // namespace dualsync
