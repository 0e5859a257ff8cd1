#include "dualsync/api/api_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <system_error>
#include <thread>

#include "dualsync/api/api_guard.h"
#include "dualsync/api/api_server_impl.h"
#include "dualsync/api/problem.h"
#include "dualsync/api/thread_pool.h"
#include "dualsync/base/check.h"

namespace dualsync {
namespace {

constexpr std::size_t kPayloadBytesMax = std::size_t{1024} * 1024;
constexpr std::size_t kHeadBytesMax = std::size_t{64} * 1024;
constexpr std::size_t kShortThreads = 8;  // so many answers besides them
constexpr std::size_t kQueuedMax = 64;    // connections that wait for a thread; more are not even taken
constexpr std::string_view kIdPart = "{id}";

using httplib::Request;
using httplib::Response;

void set_socket_options(socket_t socket) {
  // cpp-httplib's default adds SO_REUSEPORT, with which a second daemon would share our port instead of being refused.
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

// cpp-httplib says only that it could not listen; the same call once more tells why.
Error explain_bind_failure(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int resolved = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::string address = fmt::format("{}, port {}", host, port);
  if (resolved != 0) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("cannot listen on {}: {}", address, ::gai_strerror(resolved)),
                 "SYNC_HTTP_LISTEN needs a name or an address of this machine", 0};
  }
  const int fd = ::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
  int number = fd < 0 ? errno : 0;
  if (fd >= 0) {
    set_socket_options(fd);
    if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 1) != 0) number = errno;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  Error error{ErrorKind::kInvalidArgument,
              fmt::format("cannot listen on {}: {}", address, std::generic_category().message(number)),
              "SYNC_HTTP_LISTEN needs a name or an address of this machine", number};
  if (number == EADDRINUSE || number == 0) {  // 0: whoever held the port has just left it
    error.kind = ErrorKind::kConflict;
    error.message = fmt::format("cannot listen on {}: another process uses this port", address);
    error.hint =
        "is another dualsync running? Stop it, or choose another port with SYNC_HTTP_LISTEN (port 0 takes any free "
        "one)";
  } else if (number == EACCES) {
    error.kind = ErrorKind::kDenied;
    error.hint = "ports below 1024 are reserved: choose a higher one with SYNC_HTTP_LISTEN";
  }
  return error;
}

bool is_known_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "POST" || method == "DELETE";
}

// `route` and `path` are equal but for the part that {id} stands for.
bool matches(std::string_view route, std::string_view path) {
  const std::size_t place = route.find(kIdPart);
  if (place == std::string_view::npos) return route == path;
  const std::string_view before = route.substr(0, place);
  const std::string_view after = route.substr(place + kIdPart.size());
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) return false;
  return path.substr(before.size(), path.size() - before.size() - after.size()).find('/') == std::string_view::npos;
}

}  // namespace

const std::array<ApiServer::Impl::Route, ApiServer::Impl::kRouteCount>& ApiServer::Impl::routes() {
  static constexpr std::array<Route, kRouteCount> kRoutes = {{
      {"/api/sync/metrics", "GET", true, &Impl::get_metrics},
      {"/api/sync/report", "GET", true, &Impl::get_report},
      {"/metrics", "GET", true, &Impl::get_prometheus},
      {"/api/sync/health", "GET", false, &Impl::get_health},
      {"/api/sync/status", "GET", true, &Impl::get_status},
      {"/api/sync/wait", "POST", true, &Impl::post_wait},
      {"/api/sync/dead-letters", "GET", true, &Impl::get_dead_letters},
      {"/api/sync/dead-letters/{id}", "DELETE", true, &Impl::discard_dead_letter},
      {"/api/sync/dead-letters/{id}/retry", "POST", true, &Impl::retry_dead_letter},
      {"/api/sync/full-sync", "GET", true, &Impl::get_full_sync},
      {"/api/sync/full-sync", "POST", true, &Impl::post_full_sync},
      {"/api/sync/full-sync", "DELETE", true, &Impl::delete_full_sync},
      {"/api/sync/verify", "GET", true, &Impl::get_verify},
      {"/api/sync/verify", "POST", true, &Impl::post_verify},
      {"/api/sync/drill", "GET", true, &Impl::get_drill},
      {"/api/sync/drill", "POST", true, &Impl::post_drill},
      {"/api/sync/events", "GET", true, &Impl::get_events},
      {"/api/openapi.json", "GET", true, &Impl::get_page},
      {"/", "GET", false, &Impl::get_page},  // of no data: what it shows it asks for, with the token
      {"/assets/{id}", "GET", false, &Impl::get_page},
      {"/api/sync/queue", "GET", true, &Impl::get_queue},
      {"/api/sync/operations", "POST", true, &Impl::post_operations},
      {"/api/sync/pause", "POST", true, &Impl::post_pause},
      {"/api/sync/resume", "POST", true, &Impl::post_resume},
      {"/api/sync/held", "GET", true, &Impl::get_held},
      {"/api/sync/release", "POST", true, &Impl::post_release},
      {"/api/sync/discard", "POST", true, &Impl::post_discard},
  }};
  return kRoutes;
}

void ApiServer::Impl::set_up() {
  loopback = options.host == "localhost" || options.host == "::1" || options.host.starts_with("127.");
  server.new_task_queue = [] {
    return new GrowingPool(kShortThreads + kReportsMax + kWaitsMax + kWatchersMax, kQueuedMax);
  };  // the server deletes it
  server.set_socket_options(set_socket_options);
  server.set_payload_max_length(kPayloadBytesMax);
  RequestBounds bounds;
  bounds.whole = options.request_time;
  bounds.head_bytes = kHeadBytesMax;
  bounds.bytes = kHeadBytesMax + kPayloadBytesMax;
  server.set_bounds(bounds);
  server.set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});

  // A request without a body is answered here: cpp-httplib waits for one even where no length announces it.
  server.set_pre_routing_handler([this](const Request& request, Response& response) {
    const std::string length = request.get_header_value("Content-Length");
    if ((!length.empty() && length != "0") || request.has_header("Transfer-Encoding")) {
      return httplib::Server::HandlerResponse::Unhandled;
    }
    dispatch(request, response);
    return httplib::Server::HandlerResponse::Handled;
  });
  const auto handler = [this](const Request& request, Response& response) { dispatch(request, response); };
  server.Get(".*", handler)
      .Post(".*", handler)
      .Put(".*", handler)
      .Patch(".*", handler)
      .Delete(".*", handler)
      .Options(".*", handler);

  // What cpp-httplib itself refuses: malformed, too large.
  server.set_error_handler([](const Request& request, Response& response) {
    if (!response.body.empty()) return;
    Problem problem;
    if (response.status == 400 && !request.method.empty() && !is_known_method(request.method)) {
      problem.status = 405;
      problem.code = "method-not-allowed";
      problem.detail = "nothing here takes this method";
      response.set_header("Allow", "GET, HEAD, POST, DELETE");
      return answer(response, problem);
    }
    problem.status = response.status;
    problem.code = response.status == 413 ? "content-too-large" : "bad-request";
    problem.detail = response.status == 413 ? fmt::format("the body is larger than {} bytes", kPayloadBytesMax)
                                            : std::string("the request is not one that this server understands");
    // cpp-httplib reads forms into memory of its own, which it bounds more tightly.
    if (response.status == 413 && request.get_header_value("Content-Type").starts_with("application/x-www-form-")) {
      problem.detail = fmt::format("a form may have {} bytes", CPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH);
      problem.hint = "send the body with Content-Type: application/json";
    }
    answer(response, problem);
  });
  server.set_exception_handler([](const Request&, Response& response, const std::exception_ptr&) {
    Problem problem;
    problem.code = "internal";
    problem.detail = "the request failed inside dualsync";
    problem.hint = "please report this with the log of the daemon";
    answer(response, problem);
  });
}

// What is wrong with the sender, whatever is asked.
std::optional<Problem> ApiServer::Impl::refuse(const Request& request) const {
  const std::string host = request.get_header_value("Host");
  Problem problem;
  if (loopback && !is_loopback_host_header(host)) {
    problem.status = 421;
    problem.code = "wrong-host";
    problem.detail = "the Host header does not name this machine";
    problem.hint = "ask for localhost or 127.0.0.1";
    return problem;
  }
  const bool reads = request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
  if (!reads && request.has_header("Origin") && !same_origin(request.get_header_value("Origin"), host)) {
    problem.status = 403;
    problem.code = "cross-site";
    problem.detail = "the request comes from a page of another site";
    return problem;
  }
  return std::nullopt;
}

void ApiServer::Impl::dispatch(const Request& request, Response& response) {
  if (const std::optional<Problem> refused = refuse(request)) return answer(response, *refused);
  std::string methods;  // that the path takes
  std::string_view path;
  for (const Route& route : routes()) {
    if (!matches(route.path, request.path)) continue;
    if (route.method != request.method && !(route.method == "GET" && request.method == "HEAD")) {
      path = route.path;
      methods += (methods.empty() ? "" : ", ") + std::string(route.method == "GET" ? "GET, HEAD" : route.method);
      continue;
    }
    if (route.needs_token && !bearer_matches(request.get_header_value("Authorization"), options.token)) {
      Problem problem;
      problem.status = 401;
      problem.code = "token-required";
      problem.detail = request.has_header("Authorization") ? "the bearer token is wrong" : "a bearer token is required";
      problem.hint =
          "send `Authorization: Bearer <token>`; it is SYNC_API_TOKEN or the content of api-token in the data "
          "directory";
      response.set_header("WWW-Authenticate", "Bearer realm=\"dualsync\"");
      return answer(response, problem);
    }
    return (this->*route.handle)(request, response);
  }
  if (!methods.empty()) {
    Problem problem;
    problem.status = 405;
    problem.code = "method-not-allowed";
    problem.detail = fmt::format("{} takes {} only", path, methods);
    response.set_header("Allow", methods);
    return answer(response, problem);
  }
  answer_not_found(response);
}

std::vector<std::pair<std::string_view, std::string_view>> ApiServer::routes() {
  std::vector<std::pair<std::string_view, std::string_view>> names;
  for (const Impl::Route& route : Impl::routes()) names.emplace_back(route.method, route.path);
  return names;
}

ApiServer::ApiServer(Control& control, ApiOptions options)
    : impl_(std::make_unique<Impl>(control, std::move(options))) {
  DUALSYNC_CHECK(!impl_->options.token.empty());
}

ApiServer::~ApiServer() { stop(); }

Result<int> ApiServer::start() {
  Impl& impl = *impl_;
  DUALSYNC_CHECK(!impl.listener.joinable());
  impl.set_up();
  int port = impl.options.port;
  if (port == 0) {
    port = impl.server.bind_to_any_port(impl.options.host);
  } else if (!impl.server.bind_to_port(impl.options.host, port)) {
    port = -1;
  }
  if (port < 0) return explain_bind_failure(impl.options.host, impl.options.port);
  impl.listener = std::jthread([&impl] { impl.server.listen_after_bind(); });
  // cpp-httplib ignores a stop() that comes before its loop has begun.
  while (!impl.server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return port;
}

void ApiServer::stop() {
  if (!impl_->listener.joinable()) return;
  impl_->feed.stop();
  impl_->server.stop();
  impl_->listener.join();
}

}  // namespace dualsync
