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
#include "dualsync/api/problem.h"

namespace dualsync {

inline constexpr int kWaitsMax = 8;  // calls of /wait at a time

struct ApiServer::Impl {
  Impl(Control& mirror, ApiOptions given) : control(mirror), options(std::move(given)) {}

  struct Route {
    std::string_view path;  // {id} stands for a number
    std::string_view method;
    bool needs_token;
    void (Impl::*handle)(const httplib::Request&, httplib::Response&);
  };
  static constexpr std::size_t kRouteCount = 12;
  static const std::array<Route, kRouteCount>& routes();

  void set_up();
  void dispatch(const httplib::Request& request, httplib::Response& response);
  std::optional<Problem> refuse(const httplib::Request& request) const;
  void get_metrics(const httplib::Request& request, httplib::Response& response);
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

  Control& control;
  const ApiOptions options;
  bool loopback = false;
  std::atomic<int> waiting{0};
  httplib::Server server;
  std::jthread listener;
};

void answer(httplib::Response& response, int status, const nlohmann::ordered_json& body);
void answer(httplib::Response& response, const Problem& problem);

}  // namespace dualsync
