#include "dualsync/config/env_file.h"

#include <gtest/gtest.h>

#include <random>

#include "support/scratch_dir.h"

namespace dualsync {
namespace {

std::string value_of(std::string_view line) {
  const Result<std::vector<EnvEntry>> entries = parse_env_text(line);
  if (!entries.ok()) return "error: " + entries.error().message;
  if (entries->size() != 1) return "entries: " + std::to_string(entries->size());
  return entries->front().name + "|" + entries->front().value;
}

TEST(EnvFile, ReadsPlainQuotedAndExportedLines) {
  EXPECT_EQ(value_of("A=1"), "A|1");
  EXPECT_EQ(value_of("  A = 1 \r\n"), "A|1");
  EXPECT_EQ(value_of("export A=1"), "A|1");
  EXPECT_EQ(value_of("A="), "A|");
  EXPECT_EQ(value_of("A=b=c"), "A|b=c");
  EXPECT_EQ(value_of("A='  b # c '"), "A|  b # c ");
  EXPECT_EQ(value_of("A=\"b\" # c"), "A|b");
  EXPECT_EQ(value_of("A=\"b\\n\\\"c\\\" \\\\ \\x\""), "A|b\n\"c\" \\ \\x");
  EXPECT_EQ(value_of("A='b\\n'"), "A|b\\n");
  EXPECT_EQ(value_of("A=$HOME"), "A|$HOME");
  EXPECT_EQ(value_of("\xef\xbb\xbf"
                     "A=1"),
            "A|1");
}

TEST(EnvFile, StartsACommentOnlyAfterASpaceSoThatPasswordsStayWhole) {
  EXPECT_EQ(value_of("A=pass#word"), "A|pass#word");
  EXPECT_EQ(value_of("A=pass # word"), "A|pass");
  EXPECT_EQ(value_of("A= # nothing"), "A|");
  EXPECT_EQ(value_of("# A=1"), "entries: 0");
  EXPECT_EQ(value_of("\n \n\t# x\n"), "entries: 0");
}

TEST(EnvFile, NamesTheLineOfAMistakeButNotItsText) {
  for (const char* line : {"secret", "1A=secret", "A B=secret", "=secret", "A=\"secret", "A='secret", "A='x' secret"}) {
    const Result<std::vector<EnvEntry>> entries = parse_env_text(std::string("OK=1\n\n") + line + "\nB=2\n");
    ASSERT_FALSE(entries.ok()) << line;
    EXPECT_EQ(entries.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(entries.error().message.find(".env line 3"), std::string::npos) << entries.error().message;
    EXPECT_EQ(entries.error().message.find("secret"), std::string::npos) << entries.error().message;
  }
}

TEST(EnvFile, GivesBackWhateverWasQuoted) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 2000; ++round) {
    std::string value;
    std::string quoted;
    for (unsigned length = random() % 20; length > 0; --length) {
      const char c = static_cast<char>(1 + random() % 255);
      if (c == '\r') continue;  // \r is written as an escape below only for \n, a lone one is white space at an end
      value += c;
      if (c == '\n')
        quoted += "\\n";
      else if (c == '"' || c == '\\')
        (quoted += '\\') += c;
      else
        quoted += c;
    }
    EXPECT_EQ(value_of("A=\"" + quoted + "\""), "A|" + value);
  }
}

TEST(EnvFile, SurvivesAnyBytes) {
  std::mt19937 random(7);
  const std::string alphabet("A=\"'#\\ \n\0x", 10);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (unsigned length = random() % 40; length > 0; --length) text += alphabet[random() % alphabet.size()];
    const Result<std::vector<EnvEntry>> entries = parse_env_text(text);
    EXPECT_TRUE(!entries.ok() || entries->size() <= text.size());
  }
}

TEST(EnvFile, IsOptionalButMustBeReadableIfThere) {
  const test::ScratchDir dir;
  const Result<std::vector<EnvEntry>> none = read_env_file(dir.path() / ".env");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  const Result<std::vector<EnvEntry>> directory = read_env_file(dir.path());
  ASSERT_FALSE(directory.ok());
  EXPECT_EQ(directory.error().kind, ErrorKind::kIo);
  const Result<std::vector<EnvEntry>> some = read_env_file(dir.write(".env", "A=1\nB=2"));
  ASSERT_TRUE(some.ok());
  ASSERT_EQ(some->size(), 2U);
  EXPECT_EQ(some->at(1).line, 2);
}

}  // namespace
}  // namespace dualsync
