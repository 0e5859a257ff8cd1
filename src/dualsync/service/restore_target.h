// Where documents are restored to: its schema is built as local had it.
//
// Threads  as ports/sides.h
// Errors   open(): kInvalidArgument
#pragma once

#include <memory>

#include "dualsync/mongo/deployment.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

class RestoreTarget final : public BackupSide {
 public:
  static Result<std::unique_ptr<RestoreTarget>> open(const CheckedUri& uri, std::size_t threads);

  std::unique_ptr<DocumentReader> make_reader() override { return deployment_->make_reader(); }
  std::unique_ptr<BackupWriter> make_writer() override { return deployment_->make_writer({}); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return deployment_->make_true_schema_writer(); }
  const Deployment& deployment() const { return *deployment_; }

 private:
  explicit RestoreTarget(std::unique_ptr<Deployment> deployment) : deployment_(std::move(deployment)) {}

  const std::unique_ptr<Deployment> deployment_;
};

}  // namespace dualsync
