// A VerifyService over two servers in memory, of which `mirror()` makes the backup equal when it is asked to.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"
#include "dualsync/pipeline/verify_service.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync::test {

inline const Namespace kVerifiedGoods{"shop", "goods"};

class VerifyFixture : public QueueFixture {
 protected:
  void SetUp() override {
    log::configure(log::Level::kOff, log::Format::kJson);
    local_.time = {10, 1};
    for (int i = 1; i <= 5; ++i) put(kBills, i);
    put(kVerifiedGoods, 1);
    open();
    append({}, {10, 1});
    make();
  }
  void make() {
    VerifyHooks hooks;
    hooks.obstacle = [this] { return obstacle_; };
    hooks.catch_up = [this](std::stop_token stop) -> Result<bool> { return catch_up_(stop); };
    hooks.connect = [this]() -> Result<VerifySides> {
      VerifySides sides;
      sides.local = std::make_unique<FakeLocal>(local_);
      sides.backup = std::make_unique<FakeBackup>(backup_);
      return sides;
    };
    hooks.refused = [this] {
      std::vector<RefusedRepair> refused;
      if (refuses_repairs_) refused.push_back({kVerifiedGoods, "the backup says no"});
      return refused;
    };
    hooks.proven = [this](OpTime until) -> Result<void> {
      proven_.push_back(until);
      return {};
    };
    context_ = std::make_unique<PipelineContext>(
        PipelineContext{{}, scope_, local_side_, backup_side_, *queue_, breaker_, counters_, clock_});
    service_ = std::make_unique<VerifyService>(*context_, interval_, full_interval_, std::move(hooks));
    ASSERT_TRUE(service_->load().ok());
  }
  void restart() {
    service_.reset();
    open();
    make();
  }
  void put(const Namespace& ns, int id) {
    for (FakeServer* server : {&local_, &backup_}) server->put(ns, document(std::to_string(id), id));
  }
  bool step() { return service_->step({}); }
  VerifyStatus ask(const VerifyOrder& order) {
    const auto started = service_->start(order);
    EXPECT_TRUE(started.ok()) << started.error().message;
    EXPECT_TRUE(step());
    return service_->view();
  }
  // Applies what is enqueued, as lanes and full sync would. It touches the servers only while the service waits for it.
  std::jthread mirror() {
    return std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const auto taken = take();
        for (const TakenOperation& one : taken) {
          ++touches_;
          make_equal(one.op.ns(), std::string(one.op.document_key));
        }
        if (!taken.empty()) complete(taken);
        for (const DirtyRange& range : queue_->dirty_ranges()) {
          ++ranges_;
          backup_.data[range.ns] = local_.data[range.ns];
          if (local_.series.contains(range.ns)) backup_.series[range.ns] = local_.series[range.ns];
          EXPECT_TRUE(queue_->finish_dirty(range).ok());
        }
        sleep_for(std::chrono::milliseconds(1), stop);
      }
    });
  }
  void make_equal(const Namespace& ns, const std::string& key) {
    if (const auto now = local_.get(ns, key)) return backup_.put(ns, *now);
    backup_.data[ns].erase(key);
  }

  FakeServer local_;
  FakeServer backup_;
  FakeLocal local_side_{local_};
  FakeBackup backup_side_{backup_};
  const Scope scope_{{}};
  FakeClock clock_;
  CircuitBreaker breaker_{clock_, 1};
  PipelineCounters counters_;
  std::chrono::milliseconds interval_ = std::chrono::hours(1);
  std::chrono::milliseconds full_interval_ = std::chrono::hours(24);
  std::string obstacle_;
  std::atomic<bool> refuses_repairs_{false};  // of goods
  std::function<Result<bool>(std::stop_token)> catch_up_ = [](std::stop_token) { return true; };
  std::vector<OpTime> proven_;
  std::atomic<int> touches_{0};
  std::atomic<int> ranges_{0};
  std::unique_ptr<PipelineContext> context_;
  std::unique_ptr<VerifyService> service_;
};

}  // namespace dualsync::test
