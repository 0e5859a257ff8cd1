// The ports of src/dualsync/ports, whoever implements them: the same test bodies run on the fakes that other tests rely
// on (ports_on_fakes.cc, needs nothing) and on real servers (ports_on_server.cc), so that the fakes cannot drift.
//
// Shape    documents are {_id: <whole number>, fields with int32}: what every fake can hold
// Rule     a body says only what the port's contract says; what MongoDB does beyond it is in the mongo_*_test.cc files
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dualsync/ports/backup_state.h"
#include "dualsync/ports/local_probe.h"
#include "dualsync/ports/sides.h"
#include "support/bson_literal.h"

namespace dualsync::test {

// A local and a backup of a test's own, empty at first.
class PortSides {
 public:
  virtual ~PortSides() = default;

  virtual Namespace ns(const std::string& collection) const { return {"shop", collection}; }

  virtual std::unique_ptr<BackupWriter> make_writer() = 0;
  virtual std::unique_ptr<DocumentReader> make_backup_reader() = 0;
  virtual std::unique_ptr<SchemaWriter> make_schema_writer() { return nullptr; }
  virtual std::unique_ptr<ChangeSource> make_change_source() { return nullptr; }
  virtual std::unique_ptr<DocumentReader> make_local_reader() { return nullptr; }

  // What an application does on local: documents {_id: id, v: v}.
  virtual void insert(const std::string& /*collection*/, int /*id*/, int /*v*/) {}
  virtual void replace(const std::string& /*collection*/, int /*id*/, int /*v*/) {}
  virtual void set_v(const std::string& /*collection*/, int /*id*/, int /*v*/) {}
  virtual void remove(const std::string& /*collection*/, int /*id*/) {}
  virtual Position lost_position() { return {}; }  // one that local cannot go on from

  // On the backup.
  virtual void make_unique(const std::string& /*collection*/, const std::string& /*field*/) {}

  // Each of these may be called more than once: as several processes do, that ask the same server.
  virtual std::unique_ptr<BackupState> make_backup_state() { return nullptr; }
  virtual std::unique_ptr<LocalProbe> make_local_probe() { return nullptr; }
  // There is one id and one marker for a whole server: removes what earlier tests have left of them.
  // False: the server is not ours alone, and has what it has.
  virtual bool forget_ids() { return true; }
};

struct PortMaker {
  std::string name;
  std::function<std::unique_ptr<PortSides>()> make;
};
inline void PrintTo(const PortMaker& maker, std::ostream* out) { *out << maker.name; }  // NOLINT: GoogleTest's name
inline std::string name_of_maker(const ::testing::TestParamInfo<PortMaker>& info) { return info.param.name; }

template <typename T>
::testing::AssertionResult succeeds(const Result<T>& result) {
  if (result.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << to_string(result.error().kind) << ": " << result.error().message;
}
template <typename T>
ErrorKind failure_of(const Result<T>& result) {
  EXPECT_FALSE(result.ok()) << "an error was expected";
  return result.ok() ? ErrorKind::kStopped : result.error().kind;
}

class PortContract : public ::testing::TestWithParam<PortMaker> {
 protected:
  void SetUp() override {
    sides_ = GetParam().make();
    ASSERT_NE(sides_, nullptr);
  }
  Namespace ns(const std::string& collection = "c") const { return sides_->ns(collection); }

  static std::vector<std::string> scan(DocumentReader& reader, const Namespace& ns, const IdRange& range = {}) {
    std::vector<std::string> documents;
    auto cursor = reader.scan(ns, range);
    EXPECT_TRUE(succeeds(cursor));
    while (cursor.ok()) {
      const auto document = (*cursor)->next();
      EXPECT_TRUE(succeeds(document));
      if (!document.ok() || document->empty()) break;
      documents.emplace_back(*document);
    }
    return documents;
  }

  std::unique_ptr<PortSides> sides_;
};

class WriterContract : public PortContract {
 protected:
  using Kind = WriteItem::Kind;
  void SetUp() override {
    PortContract::SetUp();
    if (HasFatalFailure()) return;
    writer_ = sides_->make_writer();
    reader_ = sides_->make_backup_reader();
  }
  // An item that owns its bytes.
  struct Item {
    Kind kind;
    std::string key;
    std::string payload;
  };
  static Item whole(Kind kind, const std::string& id, const std::string& fields) {
    return {kind, id_key(id), bson("{\"_id\":" + id + "," + fields + "}")};
  }
  static Item removal(const std::string& id) { return {Kind::kDelete, id_key(id), ""}; }
  static Item change(const std::string& id, const std::string& set, const std::string& unset = "") {
    return {Kind::kDelta, id_key(id), bson("{\"updatedFields\":{" + set + "},\"removedFields\":[" + unset + "]}")};
  }
  static std::vector<WriteItem> views(const std::vector<Item>& items) {
    std::vector<WriteItem> made;
    for (const Item& item : items) made.push_back({item.kind, item.key, item.payload});
    return made;
  }
  std::vector<WriteOutcome> write(const std::vector<Item>& items) {
    auto outcomes = writer_->write(ns(), views(items));
    EXPECT_TRUE(succeeds(outcomes));
    if (!outcomes.ok()) return std::vector<WriteOutcome>(items.size());
    EXPECT_EQ(outcomes->size(), items.size());
    return std::move(*outcomes);
  }
  WriteOutcome write_one(const Item& item) { return write({item}).front(); }
  std::vector<std::string> content() { return scan(*reader_, ns()); }

  std::unique_ptr<BackupWriter> writer_;
  std::unique_ptr<DocumentReader> reader_;
};
// Those that have unique indexes, and writes of several documents together.
class AtomicContract : public WriterContract {};
class ReaderContract : public WriterContract {};
class SchemaContract : public WriterContract {
 protected:
  void SetUp() override {
    WriterContract::SetUp();
    if (!HasFatalFailure()) schema_ = sides_->make_schema_writer();
  }
  std::unique_ptr<SchemaWriter> schema_;
};
class SourceContract : public PortContract {};
class StateContract : public PortContract {
 protected:
  void SetUp() override {
    PortContract::SetUp();
    if (HasFatalFailure()) return;
    fresh_ = sides_->forget_ids();
    state_ = sides_->make_backup_state();
    other_ = sides_->make_backup_state();
  }

  bool fresh_ = false;  // false: the backup may have an id from before
  std::unique_ptr<BackupState> state_;
  std::unique_ptr<BackupState> other_;  // another process
};
class ProbeContract : public PortContract {
 protected:
  void SetUp() override {
    PortContract::SetUp();
    if (HasFatalFailure()) return;
    fresh_ = sides_->forget_ids();
    probe_ = sides_->make_local_probe();
    other_ = sides_->make_local_probe();
  }

  bool fresh_ = false;  // false: local may have a marker from before
  std::unique_ptr<LocalProbe> probe_;
  std::unique_ptr<LocalProbe> other_;  // another process
};

}  // namespace dualsync::test
