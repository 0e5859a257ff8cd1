#include "dualsync/observe/notifier.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "dualsync/base/log.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;

// A real HTTP server that answers as the test says, and keeps what it was sent.
class Receiver {
 public:
  Receiver() {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      std::this_thread::sleep_for(milliseconds(delay_ms));
      const int status = refuse > 0 ? 500 : static_cast<int>(answer);
      if (refuse > 0) --refuse;
      if (status < 300) {
        const MutexLock lock(mutex_);
        bodies_.push_back(request.body);
      }
      if (status == 302) response.set_header("Location", "/elsewhere");
      response.status = status;
    });
    server_.Post("/elsewhere", [this](const httplib::Request&, httplib::Response&) { ++elsewhere; });
    server_.Get("/alive", [this](const httplib::Request& request, httplib::Response&) {
      ++beats;
      const MutexLock lock(mutex_);
      login_ = request.get_header_value("Authorization");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(milliseconds(1));
  }
  ~Receiver() { server_.stop(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url(const std::string& path, const std::string& login = "") const {
    return "http://" + login + "127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<std::string> events() {
    const MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const std::string& body : bodies_) names.push_back(nlohmann::json::parse(body).at("event"));
    return names;
  }
  std::string login() {
    const MutexLock lock(mutex_);
    return login_;
  }

  std::atomic<int> refuse{0};
  std::atomic<int> answer{204};
  std::atomic<int> delay_ms{0};
  std::atomic<int> elsewhere{0};
  std::atomic<int> beats{0};

 private:
  httplib::Server server_;
  int port_ = 0;
  Mutex mutex_;
  std::vector<std::string> bodies_ DUALSYNC_GUARDED_BY(mutex_);
  std::string login_ DUALSYNC_GUARDED_BY(mutex_);
  std::jthread thread_;
};

class NotifierTest : public ::testing::Test {
 protected:
  NotifierTest() { log::configure(log::Level::kOff, log::Format::kJson); }

  void start(NotifierOptions options) {
    options.host = "here";
    notifier_ = std::make_unique<Notifier>(options, make_web_hook(), 1);
    thread_ = std::jthread([this](const std::stop_token& stop) { notifier_->run(stop); });
  }
  void look(Verdict verdict, std::uint64_t dead_letters = 0) {
    Status status;
    status.uptime_seconds = 100;
    status.verdict = verdict;
    status.dead_letters = dead_letters;
    notifier_->look(status, 1'700'000'000'000);
  }
  static bool until(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
    return condition();
  }

  Receiver receiver_;
  std::unique_ptr<Notifier> notifier_;
  std::jthread thread_;
};

TEST_F(NotifierTest, SendsNewsInOrder) {
  start({receiver_.url("/hook"), "", ""});
  look(Verdict::kHealthy);
  look(Verdict::kDegraded, 1);
  look(Verdict::kDegraded, 3);
  look(Verdict::kHealthy);
  EXPECT_TRUE(until([&] { return receiver_.events().size() == 4; }));
  EXPECT_EQ(receiver_.events(), (std::vector<std::string>{"verdict", "dead-letters", "dead-letters", "verdict"}));
}

TEST_F(NotifierTest, TriesAgainUntilItIsTaken) {
  receiver_.refuse = 1;
  start({receiver_.url("/hook"), "", ""});
  look(Verdict::kUnhealthy);
  EXPECT_TRUE(until([&] { return receiver_.events().size() == 1; }));
}

TEST_F(NotifierTest, WhatWaitsGoesToTheNewReceiver) {
  receiver_.answer = 503;
  start({receiver_.url("/hook"), "", ""});
  look(Verdict::kUnhealthy);
  std::this_thread::sleep_for(milliseconds(300));
  Receiver other;
  notifier_->set_urls(other.url("/hook"), other.url("/alive"));
  EXPECT_TRUE(until([&] { return other.events().size() == 1; }));
  look(Verdict::kHealthy);
  EXPECT_TRUE(until([&] { return other.events().size() == 2 && other.beats > 0; }));
  notifier_->set_urls("", "");
  std::this_thread::sleep_for(milliseconds(300));
  look(Verdict::kUnhealthy);
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(other.events().size(), 2U);
  EXPECT_EQ(receiver_.events().size(), 0U);
}

TEST_F(NotifierTest, FollowsNoRedirect) {
  receiver_.answer = 302;
  start({receiver_.url("/hook"), "", ""});
  look(Verdict::kUnhealthy);
  std::this_thread::sleep_for(milliseconds(700));
  EXPECT_EQ(receiver_.elsewhere, 0);
  receiver_.answer = 200;
  EXPECT_TRUE(until([&] { return receiver_.events().size() == 1; })) << "it is not taken as delivered";
}

TEST_F(NotifierTest, HoldsNobodyUpAndDropsTheOldest) {
  receiver_.delay_ms = 400;
  receiver_.refuse = 1;
  start({receiver_.url("/hook"), "", ""});
  const auto begin = std::chrono::steady_clock::now();
  look(Verdict::kHealthy);
  for (std::uint64_t i = 0; i < 3 * Notifier::kAlertsMax; ++i)
    look(i % 2 == 0 ? Verdict::kDegraded : Verdict::kHealthy);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(300));
  receiver_.delay_ms = 0;
  EXPECT_TRUE(until([&] { return receiver_.events().size() >= Notifier::kAlertsMax; }));
  EXPECT_LE(receiver_.events().size(), Notifier::kAlertsMax + 1);
}

TEST_F(NotifierTest, StopsWhileAReceiverHangs) {
  receiver_.delay_ms = 3000;
  start({receiver_.url("/hook"), "", ""});
  look(Verdict::kUnhealthy);
  std::this_thread::sleep_for(milliseconds(500));
  const auto begin = std::chrono::steady_clock::now();
  thread_.request_stop();
  thread_.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(2000));
}

TEST_F(NotifierTest, AStartIsNoNewsForAWhile) {
  start({receiver_.url("/hook"), "", ""});
  Status status;
  status.verdict = Verdict::kDegraded;
  status.uptime_seconds = 1;
  notifier_->look(status, 0);
  look(Verdict::kHealthy);
  look(Verdict::kDegraded);
  EXPECT_TRUE(until([&] { return !receiver_.events().empty(); }));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(receiver_.events().size(), 1U);
}

TEST_F(NotifierTest, AnOldVerdictIsNoSignOfLife) {
  NotifierOptions options;
  options.heartbeat_url = receiver_.url("/alive");
  options.heartbeat_interval = milliseconds(50);
  options.verdict_age_max = milliseconds(400);
  start(options);
  look(Verdict::kHealthy);
  EXPECT_TRUE(until([&] { return receiver_.beats >= 1; }));
  std::this_thread::sleep_for(milliseconds(900));  // whoever looks hangs
  const int beats = receiver_.beats;
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_EQ(receiver_.beats, beats);
  look(Verdict::kHealthy);
  EXPECT_TRUE(until([&] { return receiver_.beats > beats; }));
}

TEST_F(NotifierTest, AGapFoundAtTheStartIsNews) {
  start({receiver_.url("/hook"), "", ""});
  Status status;
  status.verdict = Verdict::kDegraded;
  status.uptime_seconds = 1;
  notifier_->look(status, 0);
  status.gaps = 1;
  status.uptime_seconds = 2;
  notifier_->look(status, 0);
  status.verdict = Verdict::kHealthy;
  status.uptime_seconds = 6;
  notifier_->look(status, 0);
  EXPECT_TRUE(until([&] { return !receiver_.events().empty(); }));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(receiver_.events(), std::vector<std::string>{"gap"});
}

TEST_F(NotifierTest, BeatsOnlyWhileHealthy) {
  NotifierOptions options;
  options.heartbeat_url = receiver_.url("/alive", "me:pass@");
  options.heartbeat_interval = milliseconds(50);
  start(options);
  look(Verdict::kDegraded);
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_EQ(receiver_.beats, 0);
  look(Verdict::kHealthy);
  EXPECT_TRUE(until([&] { return receiver_.beats >= 2; }));
  EXPECT_TRUE(receiver_.login().starts_with("Basic "));
  look(Verdict::kUnhealthy);
  std::this_thread::sleep_for(milliseconds(300));
  const int beats = receiver_.beats;
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_EQ(receiver_.beats, beats);
}

}  // namespace
}  // namespace dualsync
