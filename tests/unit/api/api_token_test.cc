#include "dualsync/api/api_token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/scratch_dir.h"

namespace dualsync {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 0777U;
}

TEST(ApiToken, IsTheSettingWhereThereIsOne) {
  Settings settings;
  settings.api_token = "configured";
  settings.data_dir = "/nonexistent";
  EXPECT_EQ(*load_or_create_api_token(settings), "configured");
}

TEST(ApiToken, IsMadeOnceAndForItsOwnerOnly) {
  const test::ScratchDir dir;
  Settings settings;
  settings.data_dir = dir.text();
  const Result<std::string> token = load_or_create_api_token(settings);
  ASSERT_TRUE(token.ok()) << token.error().message;
  EXPECT_EQ(token->size(), 64U);
  EXPECT_EQ(token->find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(dir.read("api-token"), *token + "\n");
  EXPECT_EQ(mode_of(dir.path() / "api-token"), 0600U);
  EXPECT_EQ(*load_or_create_api_token(settings), *token);
  const test::ScratchDir other;
  settings.data_dir = other.text();
  EXPECT_NE(*load_or_create_api_token(settings), *token);
}

TEST(ApiToken, IsRefusedWhereOthersCanReadIt) {
  const test::ScratchDir dir;
  const std::filesystem::path path = dir.write("api-token", "0123456789abcdef\n");
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  Settings settings;
  settings.data_dir = dir.text();
  const Result<std::string> token = load_or_create_api_token(settings);
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().kind, ErrorKind::kDenied);
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  EXPECT_EQ(*load_or_create_api_token(settings), "0123456789abcdef");
}

TEST(ApiToken, ReplacesAnEmptyFile) {
  const test::ScratchDir dir;
  std::filesystem::permissions(dir.write("api-token", ""), std::filesystem::perms(0600));
  Settings settings;
  settings.data_dir = dir.text();
  EXPECT_EQ(load_or_create_api_token(settings)->size(), 64U);
}

TEST(ApiToken, NeedsTheDirectory) {
  const test::ScratchDir dir;
  Settings settings;
  settings.data_dir = (dir.path() / "missing").string();
  const Result<std::string> token = load_or_create_api_token(settings);
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().kind, ErrorKind::kIo);
}

TEST(ApiAddress, IsWrittenAndRemoved) {
  const test::ScratchDir dir;
  ASSERT_TRUE(write_api_address(dir.text(), {"::1", 4711}).ok());
  EXPECT_EQ(dir.read("api-address"), "[::1]:4711\n");
  EXPECT_EQ(mode_of(dir.path() / "api-address"), 0600U);
  remove_api_address(dir.text());
  remove_api_address(dir.text());
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "api-address"));
}

}  // namespace
}  // namespace dualsync
