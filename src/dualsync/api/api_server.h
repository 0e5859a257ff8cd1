// ApiServer: the REST API of a running mirror.
//
// Shape    GET  /api/sync/metrics, /api/sync/status      JSON, see json_views.h
//          GET  /api/sync/health                         200 or 503; the only route without a token
//          POST /api/sync/wait?timeoutSeconds=0..86400   200, or 504 naming what blocks; 429 when too many wait
//          GET  /api/sync/events                         text/event-stream: a sample each second; 429 when too many
//          watch GET  /, /assets/...                           the dashboard, without a token, because it holds no data
//          Every error is application/problem+json, see problem.h. Each connection carries one request, so that a body
//          nobody reads cannot be taken for the next request, and idle clients hold no thread.
// Threads  one that accepts and a bounded pool; start() and stop() have one caller. `control` is called by the pool
// Errors   of start(): kConflict: the port is taken. kDenied: no right to it. kInvalidArgument: no such host here
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/ports/control.h"

namespace dualsync {

struct ApiOptions {
  std::string host;        // what to listen on; IPv6 without brackets
  std::uint16_t port = 0;  // 0: any free one
  std::string token;       // must not be empty
  std::chrono::milliseconds request_time{10'000};  // for a whole request to come in
};

class ApiServer {
 public:
  // `control` outlives the server.
  ApiServer(Control& control, ApiOptions options);
  ~ApiServer();  // stop()
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Method and path of all that is answered; {id} stands for one part of a path.
  static std::vector<std::pair<std::string_view, std::string_view>> routes();

  // Listens; returns the port. Once per object.
  Result<int> start();

  // Takes no more requests, lets those under way finish and joins the threads. A wait under way ends when its
  // Control::wait does: make those return kStopped first.
  void stop();

 private:
  struct Impl;  // keeps cpp-httplib out of every includer
  std::unique_ptr<Impl> impl_;
};

}  // namespace dualsync
