#include "dualsync/cli/cli_docs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace dualsync {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(CliDocs, AreThoseInTheRepository) {
  const auto documents = cli_documents();
  EXPECT_GT(documents.size(), 15U);
  for (const auto& [path, content] : documents) {
    EXPECT_TRUE(content_of(std::filesystem::path(DUALSYNC_ROOT) / path) == content)
        << path << " is not what the commands say: run tools/write_docs.sh";
  }
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(DUALSYNC_ROOT) / "docs/cli")) {
    EXPECT_TRUE(documents.contains("docs/cli/" + entry.path().filename().string()))
        << entry.path() << " is of no command";
  }
}

TEST(CliDocs, ShowNoInternalCommandAndNoLeftovers) {
  for (const auto& [path, content] : cli_documents()) {
    EXPECT_EQ(content.find("settings-doc"),
              path == "docs/settings.md" ? content.find("settings-doc") : std::string::npos)
        << path;
    EXPECT_EQ(content.find("INT in ["), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace dualsync
