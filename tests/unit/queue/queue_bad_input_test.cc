// Files and directories that are not what they should be: each is named, and nothing is stored or overwritten.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "dualsync/queue/queue_admin.h"
#include "dualsync/queue/queue_inspect.h"
#include "support/queue_fixture.h"
#include "support/raw_queue.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

constexpr const char* kGood =
    R"({"id":"0b1c2d3e-0000-4000-8000-000000000001","timestamp":"2025-11-30T09:59:58Z","type":"delete",)"
    R"("collection":"a.b","filter":{"_id":1}})";

std::string file_of(const std::string& entries, const std::string& version = "1.0") {
  return R"({"version":")" + version + R"(","operations":[)" + entries + "]}";
}
std::string in_utf16(const std::string& text, bool mark) {
  std::string wide = mark ? "\xff\xfe" : "";
  for (const char c : text) wide.append({c, '\0'});
  return wide;
}

// A queue with something in it, which must be as it was after whatever fails.
class QueueBadInput : public test::QueueFixture {
 protected:
  void SetUp() override {
    open();
    append({make_op(OpKind::kInsert, "1", document("1", 1)), make_op(OpKind::kInsert, "2", document("2", 2))});
    queue_.reset();
    records_ = test::RawQueue(options_.directory).records();
    ASSERT_EQ(records_.size(), 2U);
  }

  void expect_refused_file(const std::string& path, const std::string& message,
                           ErrorKind kind = ErrorKind::kInvalidArgument) {
    for (const bool as_recorded : {false, true}) {
      const auto imported = import_queue(options_, path, {"", as_recorded});
      ASSERT_FALSE(imported.ok()) << message;
      EXPECT_EQ(imported.error().kind, kind) << imported.error().message;
      EXPECT_NE(imported.error().message.find(message), std::string::npos) << imported.error().message;
    }
    EXPECT_EQ(test::RawQueue(options_.directory).records(), records_) << "something was stored";
  }
  void expect_refused(const std::string& text, const std::string& message,
                      ErrorKind kind = ErrorKind::kInvalidArgument) {
    expect_refused_file(dir_.write("queue.json", text), message, kind);
  }

  // Every file of the queue, but for RocksDB's own LOCK and OPTIONS.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
      const std::string name = entry.path().filename();
      if (name == "LOCK" || name.starts_with("OPTIONS")) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      all[name] = std::string(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }
  std::filesystem::path file_named(const std::string& part) const {
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
      if (entry.path().filename().string().find(part) != std::string::npos) return entry.path();
    }
    return {};
  }
  // Everything that opens the queue to write fails so, and leaves every file as it was.
  void expect_refused_directory(ErrorKind kind, const std::string& message) {
    const auto before = files();
    const std::string file = dir_.write("queue.json", file_of(kGood));
    for (const Error& error : {SyncQueue::open(options_).error(), import_queue(options_, file, {"", false}).error(),
                               SyncQueue::open(options_).error()}) {
      EXPECT_EQ(error.kind, kind) << error.message;
      EXPECT_NE(error.message.find(message), std::string::npos) << error.message;
      EXPECT_NE(error.message.find(options_.directory), std::string::npos) << error.message;
      EXPECT_FALSE(error.hint.empty());
    }
    EXPECT_EQ(files(), before);
  }

  std::vector<std::string> records_;
};

TEST_F(QueueBadInput, WhatIsNoFileOfText) {
  expect_refused_file(dir_.text() + "/none.json", "No such file");
  expect_refused_file(dir_.text(), "it is a directory");
  const std::string pipe = dir_.text() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int kept = ::open(pipe.c_str(), O_RDWR);  // so that opening it does not wait for a writer
  expect_refused_file(pipe, "it is no regular file");
  ::close(kept);
  expect_refused("", "the file is empty");
}

TEST_F(QueueBadInput, OtherEncodings) {
  const std::string good = file_of(kGood);
  expect_refused("\xef\xbb\xbf" + good, "byte order mark");
  expect_refused(in_utf16(good, true), "UTF-16");
  expect_refused(in_utf16(good, false), "UTF-16");
  expect_refused("\xfe\xff", "UTF-16");
  std::string latin = good;
  latin.replace(latin.find("a.b"), 3, "a.\xe4");
  expect_refused(latin, "operation 1: field `collection`: not Extended JSON");
}

TEST_F(QueueBadInput, ANewerFormatOfTheFile) {
  expect_refused(file_of(kGood, "1.1"), "field `version` is \"1.1\"; this program knows \"1.0\"",
                 ErrorKind::kUnsupported);
  expect_refused(file_of(kGood, std::string(100'000, '9')), "field `version` is \"9999", ErrorKind::kUnsupported);
  expect_refused(R"({"operations":[)" + std::string(kGood) + "]}", "field `version` is missing");
  // The version stands behind everything else: still nothing is stored.
  expect_refused(R"({"operations":[)" + std::string(kGood) + R"(],"version":"2.0"})", "field `version` is \"2.0\"",
                 ErrorKind::kUnsupported);
}

TEST_F(QueueBadInput, EveryHalfOfAFile) {
  const std::string whole = file_of(std::string(kGood) + ",\n" + R"({"id":"0b1c2d3e-0000-4000-8000-000000000002",)" +
                                    R"("timestamp":"2025-11-30T09:59:58Z","type":"touch","collection":"a.b",)" +
                                    R"("filter":{"_id":"\u00e4\"}"}})");
  for (std::size_t length = 1; length < whole.size(); length += 3) {
    const auto imported = import_queue(options_, dir_.write("queue.json", whole.substr(0, length)), {"", false});
    ASSERT_FALSE(imported.ok()) << length;
    EXPECT_EQ(imported.error().kind, ErrorKind::kInvalidArgument) << imported.error().message;
  }
  EXPECT_EQ(test::RawQueue(options_.directory).records(), records_);
  EXPECT_TRUE(import_queue(options_, dir_.write("queue.json", whole), {"", false}).ok()) << "the whole is good";
}

TEST_F(QueueBadInput, TheLastOfManyEntriesIsWrong) {
  std::string entries;
  for (int i = 0; i < 2000; ++i) {
    char id[40];
    std::snprintf(id, sizeof id, "0b1c2d3e-0000-4000-8000-%012d", i);
    entries += R"({"id":")" + std::string(id) + R"(","timestamp":"2025-11-30T09:59:58Z","type":")" +
               (i == 1999 ? "explode" : "touch") + R"(","collection":"a.b","filter":{"_id":)" + std::to_string(i) +
               "}}" + (i == 1999 ? "" : ",");
  }
  expect_refused(file_of(entries), "operation 2000: field `type`: \"explode\" is none of insert, replace");
}

TEST_F(QueueBadInput, HugeAndDeepValues) {
  const auto with = [](const std::string& rest) {
    return file_of(std::string(kGood).substr(0, std::string_view(kGood).size() - 1) + "," + rest + "}");
  };
  expect_refused(with(R"("data":)" + std::string(100'000, '[') + std::string(100'000, ']')), "field `data`");
  expect_refused(with(R"("retryCount":)" + std::string(1'000'000, '7')), "field `retryCount`");
  expect_refused(with(R"("type":"delete")"), "field `type`: it is there twice");
  expect_refused(with(R"("flags":70000)"), "field `flags`: too large");
  expect_refused(with(R"("clusterTime":5)"), "field `clusterTime`: not a $timestamp");
  // One line of 20 MB in a member that nobody reads is no fault.
  const std::string long_line = dir_.write("queue.json", with("\"note\":\"" + std::string(20U << 20U, 'x') + '"'));
  EXPECT_TRUE(import_queue(options_, long_line, {"", false}).ok());
}

TEST_F(QueueBadInput, AQueueOfANewerFormat) {
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().meta(), "format", "3");
  }
  const std::string file = dir_.write("queue.json", file_of(kGood));
  const auto imported = import_queue(options_, file, {"", false});
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(imported.error().message, "the queue has format 3; this program knows format 2");
}

TEST_F(QueueBadInput, ADirectoryWithoutRights) {
  if (::geteuid() != 0) {
    std::filesystem::permissions(options_.directory, std::filesystem::perms::owner_read);
    const auto opened = SyncQueue::open(options_);
    std::filesystem::permissions(options_.directory, std::filesystem::perms::owner_all);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, ErrorKind::kIo) << opened.error().message;
    return;
  }
  constexpr uid_t kNobody = 65534;
  std::filesystem::permissions(dir_.text(), std::filesystem::perms(0755));
  // Once as somebody else's directory, once as one's own with files of somebody else.
  for (const std::string message : {"cannot use the data directory ", "no right to write to the queue in "}) {
    ASSERT_EQ(::seteuid(kNobody), 0);
    const auto opened = SyncQueue::open(options_);
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, ErrorKind::kIo) << "not: another process owns it";
    EXPECT_NE(opened.error().message.find(message + options_.directory), std::string::npos) << opened.error().message;
    ASSERT_EQ(::chown(options_.directory.c_str(), kNobody, kNobody), 0);
  }
  EXPECT_EQ(test::RawQueue(options_.directory).records(), records_);
}

TEST_F(QueueBadInput, ADamagedManifestIsNamedAndKept) {
  const auto manifest = file_named("MANIFEST");
  std::filesystem::resize_file(manifest, std::filesystem::file_size(manifest) / 2);
  std::fstream(manifest, std::ios::in | std::ios::out | std::ios::binary) << "rubbish that is no record";
  expect_refused_directory(ErrorKind::kCorruption, "cannot open the queue in");
}

TEST_F(QueueBadInput, ACurrentFileThatNamesNothingIsNamedAndKept) {
  std::ofstream(options_.directory + "/CURRENT", std::ios::trunc) << "MANIFEST-999999\n";
  const auto before = files();
  EXPECT_FALSE(SyncQueue::open(options_).ok());
  EXPECT_EQ(files(), before);
}

// RocksDB would take it for an empty directory and remove what is there.
TEST_F(QueueBadInput, AMissingCurrentFileIsNamedAndNothingIsMadeAnew) {
  std::filesystem::remove(options_.directory + "/CURRENT");
  expect_refused_directory(ErrorKind::kCorruption, "CURRENT is missing beside");
  const auto checked = check_queue(options_.directory, {});
  EXPECT_FALSE(checked.ok());
}

}  // namespace
}  // namespace dualsync
