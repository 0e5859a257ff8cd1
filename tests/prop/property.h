// Properties of the design, by RapidCheck, inside GoogleTest.
//
// Shape    title is the property's tag, "Feature: dual-mongodb-sync, Property N: ..."; at least 100 cases each
// Errors   a failure prints the counterexample and the whole command line that replays it
// Rule     RC_ASSERT inside: a failed EXPECT does not count as one for RapidCheck, and nothing is shrunk
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <filesystem>
#include <sstream>
#include <string>

namespace dualsync::test {

inline constexpr int kCasesAtLeast = 100;

// The command line that runs the current test once more with exactly the case of `reproduce`.
inline std::string replay_line(const std::string& title, const rc::detail::Reproduce& reproduce) {
  rc::detail::Configuration only;
  only.reproduce[title] = reproduce;
  const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::error_code ignored;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  return "RC_PARAMS=\"" + rc::detail::configToMinimalString(only) + "\" " + program +
         " --gtest_filter=" + test->test_suite_name() + "." + test->name();
}

template <typename Property>
void expect_property(const std::string& title, Property property) {
  rc::detail::TestMetadata metadata;
  metadata.id = metadata.description = title;
  const auto result = rc::detail::checkTestable(std::move(property), metadata);
  rc::detail::FailureResult failure;
  rc::detail::SuccessResult success;
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  if (result.match(failure)) {
    ADD_FAILURE() << title << "\n" << text.str() << "\nreplay: " << replay_line(title, failure.reproduce);
  } else if (!result.match(success)) {
    ADD_FAILURE() << title << "\n" << text.str();
  } else if (rc::detail::configuration().reproduce.empty()) {
    EXPECT_GE(success.numSuccess, kCasesAtLeast) << title;
  }
}

}  // namespace dualsync::test
