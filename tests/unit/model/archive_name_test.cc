#include "dualsync/model/archive_name.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

TEST(ArchiveName, NamesTheTimeOfTheDropAndIsRecognised) {
  const std::string name = archive_name("shop", "bills", 1764442800, 7);
  EXPECT_EQ(name, "bills__dropped_20251129T190000Z_7");
  EXPECT_TRUE(is_archive_name(name));
}

TEST(ArchiveName, ALongNameIsShortenedAtACharacterAndFits) {
  std::string umlauts;
  for (int i = 0; i < 60; ++i) umlauts += "\xc3\xa4";
  const std::string name = archive_name("shop", umlauts, 1764442800, 1);
  EXPECT_LE(std::string("shop.").size() + name.size(), kNamespaceBytesMax);
  EXPECT_TRUE(is_archive_name(name));
  EXPECT_EQ((name.find("__dropped_")) % 2, 0U) << "a character was cut in half";
}

TEST(ArchiveName, OrdinaryNamesAreNone) {
  for (const char* name : {"bills", "bills__dropped_", "bills__dropped_yesterday", "__dropped_20251129T190000Z",
                           "x__dropped_20251129T190000Z_", "x__dropped_2025a129T190000Z_1"}) {
    EXPECT_FALSE(is_archive_name(name)) << name;
  }
}

}  // namespace
}  // namespace dualsync
