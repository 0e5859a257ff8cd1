// A queue, two servers in memory, and what the parts of the pipeline share.
#pragma once

#include "dualsync/base/log.h"
#include "dualsync/pipeline/context.h"
#include "support/fake_store.h"
#include "support/queue_fixture.h"

namespace dualsync::test {

class PipelineFixture : public QueueFixture {
 protected:
  void SetUp() override {
    log::configure(log::Level::kOff, log::Format::kJson);
    local_.time = {10, 1};  // capture is where local is
    open();
  }

  // Once the queue is open.
  PipelineContext context() {
    return {pipeline_, scope_, local_side_, backup_side_, *queue_, breaker_, counters_, system_clock()};
  }

  PipelineOptions pipeline_;
  FakeServer local_;
  FakeServer backup_;
  FakeLocal local_side_{local_};
  FakeBackup backup_side_{backup_};
  const Scope scope_{{}};
  CircuitBreaker breaker_{system_clock(), 1};
  PipelineCounters counters_;
};

}  // namespace dualsync::test
