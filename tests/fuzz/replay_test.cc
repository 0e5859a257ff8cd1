// Every fuzzer over its kept corpus (tests/fuzz/corpus), then over some thousand changed inputs, the same ones each
// time. That is no fuzzing, which looks where the code has not been yet: tools/fuzz.sh does. It shows that what was
// found once stays mended, and that the fuzzers themselves still fit the code.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

#include "fuzz/registry.h"

namespace dualsync::test {
namespace {

constexpr int kMutations = 10'000;
constexpr std::size_t kInputMax = 4096;

class FuzzReplay : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> corpus_of(const std::string& name) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(DUALSYNC_FUZZ_CORPUS) / name))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());  // the order of a directory is nobody's
  std::vector<std::string> inputs;
  for (const auto& file : files) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    inputs.push_back(text.str());
  }
  return inputs;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string next() {
    std::string input = corpus_[pick(corpus_.size())];
    for (std::size_t changes = 1 + pick(4); changes > 0; --changes) change(&input);
    input.resize(std::min(input.size(), kInputMax));
    return input;
  }

 private:
  std::size_t pick(std::size_t below) { return below == 0 ? 0 : random_() % below; }

  void change(std::string* input) {
    constexpr std::array<unsigned char, 8> kOdd = {0x00, 0x01, 0x7f, 0x80, 0xff, '"', '{', '$'};
    const std::size_t at = pick(input->size());
    switch (pick(6)) {
      case 0:
        if (!input->empty()) (*input)[at] = static_cast<char>((*input)[at] ^ static_cast<char>(1U << pick(8)));
        break;
      case 1: input->insert(at, 1, static_cast<char>(kOdd[pick(kOdd.size())])); break;
      case 2: input->erase(at, 1 + pick(8)); break;
      case 3:  // lengths
        for (std::size_t i = at; i < std::min(at + 4, input->size()); ++i)
          (*input)[i] = static_cast<char>(kOdd[pick(5)]);
        break;
      case 4: input->append(input->substr(at, pick(64))); break;
      default: {
        const std::string& other = corpus_[pick(corpus_.size())];
        input->replace(at, std::string::npos, other.substr(pick(other.size())));
      }
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_{20'261'128};
};

TEST_P(FuzzReplay, BreaksNothing) {
  const std::vector<std::string> corpus = corpus_of(GetParam());
  ASSERT_FALSE(corpus.empty());
  const Fuzzer fuzz = fuzzers().at(GetParam());
  fuzz({});
  for (const std::string& input : corpus) {
    SCOPED_TRACE(input.size());
    fuzz(input);
  }
  Mutator mutator(corpus);
  for (int i = 0; i < kMutations; ++i) {
    const std::string input = mutator.next();
    fuzz(input);
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, fuzzer] : fuzzers()) all.push_back(name);
  return all;
}

TEST(FuzzCorpus, HasAFolderForEachFuzzerAndNoOther) {
  std::vector<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(DUALSYNC_FUZZ_CORPUS))
    folders.push_back(entry.path().filename().string());
  std::sort(folders.begin(), folders.end());
  EXPECT_EQ(folders, names());
  EXPECT_EQ(folders.size(), 11U);
}

INSTANTIATE_TEST_SUITE_P(Kept, FuzzReplay, ::testing::ValuesIn(names()), [](const auto& each) { return each.param; });

}  // namespace
}  // namespace dualsync::test
