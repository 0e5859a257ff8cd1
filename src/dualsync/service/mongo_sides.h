// The two servers as the settings name them.
#pragma once

#include <chrono>
#include <memory>

#include "dualsync/config/settings.h"
#include "dualsync/model/scope.h"
#include "dualsync/mongo/deployment.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

class MongoLocal final : public LocalSide {
 public:
  MongoLocal(std::unique_ptr<Deployment> deployment, SourceOptions source)
      : deployment_(std::move(deployment)), source_(std::move(source)) {}
  std::unique_ptr<ChangeSource> make_change_source() override;
  std::unique_ptr<DocumentReader> make_reader() override { return deployment_->make_reader(); }
  const Deployment& deployment() const { return *deployment_; }

 private:
  const std::unique_ptr<Deployment> deployment_;
  const SourceOptions source_;
};

class MongoBackup final : public BackupSide {
 public:
  // `state_database`: where we may keep our own beside `dualsync`; empty: nowhere else.
  MongoBackup(std::unique_ptr<Deployment> deployment, std::string state_database)
      : deployment_(std::move(deployment)), state_database_(std::move(state_database)) {}
  std::unique_ptr<DocumentReader> make_reader() override { return deployment_->make_reader(); }
  std::unique_ptr<BackupWriter> make_writer() override {
    WriterOptions options;
    options.gate = gate_;
    return deployment_->make_writer(options);
  }
  std::unique_ptr<SchemaWriter> make_schema_writer() override {
    return deployment_->make_keeping_schema_writer(gate_, state_database_);
  }
  // Of all writers made from now on; must outlive them.
  void set_gate(const WriteGate* gate) { gate_ = gate; }
  const Deployment& deployment() const { return *deployment_; }
  const std::string& state_database() const { return state_database_; }

 private:
  const std::unique_ptr<Deployment> deployment_;
  const std::string state_database_;
  const WriteGate* gate_ = nullptr;
};

struct Sides {
  std::unique_ptr<MongoLocal> local;
  std::unique_ptr<MongoBackup> backup;
  Scope scope;
};

// Touches no server. kInvalidArgument: a URI is wrong, or the backup's is missing.
// `waits.socket`: how long one answer may take; the mirror wants to notice a dead connection soon, a comparison of
// everything would rather wait for a slow server or link.
struct Waits {
  std::chrono::milliseconds socket = std::chrono::seconds(30);
  std::chrono::milliseconds lease{0};  // commands to the backup end within two thirds of it; 0: no bound
};
Result<Sides> open_sides(const Settings& settings, const Waits& waits);

}  // namespace dualsync
