// A backup that writes down what it is sent, on the way to the simulation's.
//
// Threads  one writer at a time
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/sim_backup.h"

namespace dualsync::test {

struct Sent {
  WriteItem::Kind kind = WriteItem::Kind::kReplace;
  Namespace ns;
  std::string document_key;
  bool answered = false;  // false: the connection broke, nobody knows what became of it
  bool ok = false;
  std::size_t command = 0;  // which call of write()
};

class RecordingBackup final : public BackupSide {
 public:
  explicit RecordingBackup(sim::SimBackup& store) : store_(store) {}

  std::unique_ptr<DocumentReader> make_reader() override { return store_.make_reader(); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return store_.make_schema_writer(); }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<Writer>(*this, store_.make_writer()); }

  std::vector<Sent> sent;
  std::function<void()> before_write = [] {};
  std::function<void()> after_write = [] {};
  std::size_t commands() const { return commands_; }
  // The most items that one command held.
  std::size_t largest_command() const { return largest_; }

 private:
  class Writer final : public BackupWriter {
   public:
    Writer(RecordingBackup& owner, std::unique_ptr<BackupWriter> inner) : owner_(owner), inner_(std::move(inner)) {}
    Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override {
      owner_.before_write();
      auto outcomes = inner_->write(ns, items);
      owner_.note(ns, items, outcomes);
      owner_.after_write();
      return outcomes;
    }
    Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) override {
      return inner_->write_atomically(ns, items);
    }
    Result<std::vector<std::string>> find_equal(const Namespace& ns, std::string_view fields) override {
      return inner_->find_equal(ns, fields);
    }
    bool settled() const override { return inner_->settled(); }
    Result<void> settle() override { return inner_->settle(); }
    std::uint64_t bytes_sent() const override { return inner_->bytes_sent(); }
    DocumentReader& reader() override { return inner_->reader(); }

   private:
    RecordingBackup& owner_;
    const std::unique_ptr<BackupWriter> inner_;
  };

  void note(const Namespace& ns, std::span<const WriteItem> items, const Result<std::vector<WriteOutcome>>& outcomes) {
    ++commands_;
    largest_ = std::max(largest_, items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool answered = outcomes.ok();
      sent.push_back(
          {items[i].kind, ns, std::string(items[i].document_key), answered, answered && (*outcomes)[i].ok, commands_});
    }
  }

  sim::SimBackup& store_;
  std::size_t commands_ = 0;
  std::size_t largest_ = 0;
};

}  // namespace dualsync::test
