// What api_server.cc (the server) and api_handlers.cc (the answers) share.
#pragma once

#include <httplib.h>

#include <array>
#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <thread>

#include "dualsync/api/api_server.h"
#include "dualsync/api/bounded_server.h"
#include "dualsync/api/event_feed.h"
#include "dualsync/api/problem.h"

namespace dualsync {

inline constexpr int kWaitsMax = 8;      // calls of /wait at a time
inline constexpr int kReportsMax = 8;    // calls of /operations at a time
inline constexpr int kWatchersMax = 64;  // of /events at a time
inline constexpr std::chrono::milliseconds kSampleInterval{1000};

struct ApiServer::Impl {
  Impl(Control& mirror, ApiOptions given) : control(mirror), options(std::move(given)) {}

  struct Route {
    std::string_view path;  // {id} stands for one part of a path
    std::string_view method;
    bool needs_token;
    void (Impl::*handle)(const httplib::Request&, httplib::Response&);
  };
  static constexpr std::size_t kRouteCount = 27;
  static const std::array<Route, kRouteCount>& routes();

  void set_up();
  void dispatch(const httplib::Request& request, httplib::Response& response);
  std::optional<Problem> refuse(const httplib::Request& request) const;
  void get_metrics(const httplib::Request& request, httplib::Response& response);
  void get_report(const httplib::Request& request, httplib::Response& response);
  void get_prometheus(const httplib::Request& request, httplib::Response& response);
  void get_health(const httplib::Request& request, httplib::Response& response);
  void get_status(const httplib::Request& request, httplib::Response& response);
  void post_wait(const httplib::Request& request, httplib::Response& response);
  void get_dead_letters(const httplib::Request& request, httplib::Response& response);
  void retry_dead_letter(const httplib::Request& request, httplib::Response& response);
  void discard_dead_letter(const httplib::Request& request, httplib::Response& response);
  void get_full_sync(const httplib::Request& request, httplib::Response& response);
  void post_full_sync(const httplib::Request& request, httplib::Response& response);
  void delete_full_sync(const httplib::Request& request, httplib::Response& response);
  void get_verify(const httplib::Request& request, httplib::Response& response);
  void post_verify(const httplib::Request& request, httplib::Response& response);
  void get_drill(const httplib::Request& request, httplib::Response& response);
  void post_drill(const httplib::Request& request, httplib::Response& response);
  void get_page(const httplib::Request& request, httplib::Response& response);
  void get_events(const httplib::Request& request, httplib::Response& response);
  void get_queue(const httplib::Request& request, httplib::Response& response);
  void post_operations(const httplib::Request& request, httplib::Response& response);
  void post_pause(const httplib::Request& request, httplib::Response& response);
  void post_resume(const httplib::Request& request, httplib::Response& response);
  void get_held(const httplib::Request& request, httplib::Response& response);
  void post_release(const httplib::Request& request, httplib::Response& response);
  void post_discard(const httplib::Request& request, httplib::Response& response);
  void answer_decision(const httplib::Request& request, httplib::Response& response, bool release);
  void answer_pause(const httplib::Request& request, httplib::Response& response, Result<Status> (Control::*change)());

  Control& control;
  const ApiOptions options;
  bool loopback = false;
  std::atomic<int> waiting{0};
  std::atomic<int> reporting{0};
  std::atomic<int> watching{0};
  EventFeed feed{control, kSampleInterval};
  BoundedServer server;
  std::jthread listener;
};

// A place among the `most` that may do something at a time, given back at the end.
class Place {
 public:
  Place(std::atomic<int>& taken, int most) : taken_(taken), granted_(taken.fetch_add(1) < most) {}
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool granted() const { return granted_; }

 private:
  std::atomic<int>& taken_;
  const bool granted_;
};

void answer(httplib::Response& response, int status, const nlohmann::ordered_json& body);
void answer(httplib::Response& response, const Problem& problem);
void answer_not_found(httplib::Response& response);
// 429: all places are taken; to be asked again so many seconds later.
void answer_busy(httplib::Response& response, std::string code, std::string detail, std::string hint, int seconds);

}  // namespace dualsync
