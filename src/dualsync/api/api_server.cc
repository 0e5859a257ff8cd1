#include "dualsync/api/api_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>

#include "dualsync/api/api_guard.h"
#include "dualsync/api/json_views.h"
#include "dualsync/api/problem.h"
#include "dualsync/base/check.h"

namespace dualsync {
namespace {

constexpr std::size_t kPayloadBytesMax = std::size_t{1024} * 1024;
constexpr std::time_t kIoTimeoutSeconds = 10;
constexpr std::time_t kFirstByteTimeoutSeconds =
    2;                                      // a connection that asks nothing holds a thread, and stop(), so long
constexpr int kWaitsMax = 8;                // calls of /wait at a time
constexpr std::size_t kShortThreads = 8;    // so many answers besides them
constexpr int kWaitTimeoutDefault = 60;     // seconds
constexpr int kWaitTimeoutMax = 24 * 3600;  // seconds

constexpr int kDeadLettersDefault = 100;  // in one answer
constexpr int kDeadLettersMax = 10'000;
constexpr std::string_view kDeadLetters = "/api/sync/dead-letters";
constexpr std::string_view kIdPart = "{id}";

using httplib::Request;
using httplib::Response;

void answer(Response& response, int status, const nlohmann::ordered_json& body) {
  response.status = status;
  response.set_content(body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), "application/json");
}

void answer(Response& response, const Problem& problem) {
  response.status = problem.status;
  response.set_content(to_json_text(problem), "application/problem+json");
}

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

// A place among the kWaitsMax, given back at the end.
class WaitPlace {
 public:
  explicit WaitPlace(std::atomic<int>& waiting) : waiting_(waiting), granted_(waiting.fetch_add(1) < kWaitsMax) {}
  ~WaitPlace() { waiting_.fetch_sub(1); }
  WaitPlace(const WaitPlace&) = delete;
  WaitPlace& operator=(const WaitPlace&) = delete;
  bool granted() const { return granted_; }

 private:
  std::atomic<int>& waiting_;
  bool granted_;
};

// The whole number of the one query parameter `name`, from 0 to `max`; nothing if it is not given.
Result<std::optional<int>> number_parameter(const Request& request, std::string_view name, int max) {
  const auto invalid = [&](std::string_view what) {
    return Error{ErrorKind::kInvalidArgument, std::string(what),
                 fmt::format("{} is a whole number from 0 to {}", name, max), 0};
  };
  std::optional<int> value;
  for (const auto& [given, text] : request.params) {
    if (given != name) return invalid(fmt::format("the query holds a parameter other than {}", name));
    if (value) return invalid(fmt::format("{} is given twice", name));
    int number = -1;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size() || number < 0 || number > max) {
      return invalid(fmt::format("{} is not within its bounds", name));
    }
    value = number;
  }
  return value;
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

// The number in `path` where the routes of dead letters have {id}.
Result<SeqNo> dead_letter_id(std::string_view path) {
  std::string_view text = path.substr(kDeadLetters.size() + 1);
  text = text.substr(0, text.find('/'));
  SeqNo id = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (code == std::errc() && end == text.data() + text.size() && id > 0) return id;
  return Error{ErrorKind::kInvalidArgument, "the id of a dead letter is a whole number from 1 on",
               "GET /api/sync/dead-letters shows those that are open", 0};
}

}  // namespace

struct ApiServer::Impl {
  Impl(Control& mirror, ApiOptions given) : control(mirror), options(std::move(given)) {}

  struct Route {
    std::string_view path;  // {id} stands for a number
    std::string_view method;
    bool needs_token;
    void (Impl::*handle)(const Request&, Response&);
  };
  static constexpr std::size_t kRouteCount = 7;
  static const std::array<Route, kRouteCount>& routes();

  void set_up();
  void dispatch(const Request& request, Response& response);
  std::optional<Problem> refuse(const Request& request) const;
  void get_metrics(const Request& request, Response& response);
  void get_health(const Request& request, Response& response);
  void get_status(const Request& request, Response& response);
  void post_wait(const Request& request, Response& response);
  void get_dead_letters(const Request& request, Response& response);
  void retry_dead_letter(const Request& request, Response& response);
  void discard_dead_letter(const Request& request, Response& response);

  Control& control;
  const ApiOptions options;
  bool loopback = false;
  std::atomic<int> waiting{0};
  httplib::Server server;
  std::jthread listener;
};

const std::array<ApiServer::Impl::Route, ApiServer::Impl::kRouteCount>& ApiServer::Impl::routes() {
  static constexpr std::array<Route, kRouteCount> kRoutes = {{
      {"/api/sync/metrics", "GET", true, &Impl::get_metrics},
      {"/api/sync/health", "GET", false, &Impl::get_health},
      {"/api/sync/status", "GET", true, &Impl::get_status},
      {"/api/sync/wait", "POST", true, &Impl::post_wait},
      {"/api/sync/dead-letters", "GET", true, &Impl::get_dead_letters},
      {"/api/sync/dead-letters/{id}", "DELETE", true, &Impl::discard_dead_letter},
      {"/api/sync/dead-letters/{id}/retry", "POST", true, &Impl::retry_dead_letter},
  }};
  return kRoutes;
}

void ApiServer::Impl::set_up() {
  loopback = options.host == "localhost" || options.host == "::1" || options.host.starts_with("127.");
  server.new_task_queue = [] { return new httplib::ThreadPool(kShortThreads + kWaitsMax); };  // the server deletes it
  server.set_socket_options(set_socket_options);
  server.set_payload_max_length(kPayloadBytesMax);
  server.set_read_timeout(kIoTimeoutSeconds);
  server.set_write_timeout(kIoTimeoutSeconds);
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(kFirstByteTimeoutSeconds);
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
  server.set_error_handler([](const Request&, Response& response) {
    if (!response.body.empty()) return;
    Problem problem;
    problem.status = response.status;
    problem.code = response.status == 413 ? "content-too-large" : "bad-request";
    problem.detail = response.status == 413 ? fmt::format("the body is larger than {} bytes", kPayloadBytesMax)
                                            : std::string("the request is not one that this server understands");
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
  for (const Route& route : routes()) {
    if (!matches(route.path, request.path)) continue;
    if (route.method != request.method && !(route.method == "GET" && request.method == "HEAD")) {
      Problem problem;
      problem.status = 405;
      problem.code = "method-not-allowed";
      problem.detail = fmt::format("{} takes {} only", route.path, route.method);
      response.set_header("Allow", route.method == "GET" ? "GET, HEAD" : std::string(route.method));
      return answer(response, problem);
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
  Problem problem;
  problem.status = 404;
  problem.code = "not-found";
  problem.detail = "there is nothing at this path";
  answer(response, problem);
}

void ApiServer::Impl::get_metrics(const Request& /*request*/, Response& response) {
  answer(response, 200, metrics_json(control.status()));
}

void ApiServer::Impl::get_health(const Request& /*request*/, Response& response) {
  const Status status = control.status();
  answer(response, health_http_status(status.verdict), health_json(status));
}

void ApiServer::Impl::get_status(const Request& /*request*/, Response& response) {
  answer(response, 200, status_json(control.status()));
}

void ApiServer::Impl::post_wait(const Request& request, Response& response) {
  const auto given = number_parameter(request, "timeoutSeconds", kWaitTimeoutMax);
  if (!given) return answer(response, problem_of(given.error()));
  const std::chrono::seconds timeout(given->value_or(kWaitTimeoutDefault));
  const WaitPlace place(waiting);
  if (!place.granted()) {
    Problem problem;
    problem.status = 429;
    problem.code = "too-many-waits";
    problem.detail = fmt::format("{} calls are waiting already", kWaitsMax);
    problem.hint = "try again when one of them has ended";
    response.set_header("Retry-After", "1");
    return answer(response, problem);
  }
  const Result<WaitOutcome> outcome = control.wait(timeout);
  if (!outcome) return answer(response, problem_of(outcome.error()));
  if (outcome->kind != WaitOutcome::Kind::kTimedOut) return answer(response, 200, wait_json(*outcome));
  Problem problem;
  problem.status = 504;
  problem.code = "wait-timed-out";
  problem.detail = fmt::format("not everything is on the backup after {} s", timeout.count());
  if (!outcome->blocked_by.empty()) problem.detail += ": " + outcome->blocked_by;
  problem.extra = wait_json(*outcome);
  answer(response, problem);
}

void ApiServer::Impl::get_dead_letters(const Request& request, Response& response) {
  const auto limit = number_parameter(request, "limit", kDeadLettersMax);
  if (!limit) return answer(response, problem_of(limit.error()));
  const auto letters = control.dead_letters(static_cast<std::size_t>(limit->value_or(kDeadLettersDefault)));
  if (!letters) return answer(response, problem_of(letters.error()));
  answer(response, 200, dead_letters_json(*letters, control.status().dead_letters));
}

void ApiServer::Impl::retry_dead_letter(const Request& request, Response& response) {
  const auto id = dead_letter_id(request.path);
  if (!id) return answer(response, problem_of(id.error()));
  if (const auto done = control.retry_dead_letter(*id); !done) return answer(response, problem_of(done.error()));
  answer(response, 202, {{"id", *id}, {"queued", true}});
}

void ApiServer::Impl::discard_dead_letter(const Request& request, Response& response) {
  const auto id = dead_letter_id(request.path);
  if (!id) return answer(response, problem_of(id.error()));
  if (const auto done = control.discard_dead_letter(*id); !done) return answer(response, problem_of(done.error()));
  answer(response, 200, {{"id", *id}, {"discarded", true}});
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
  impl_->server.stop();
  impl_->listener.join();
}

}  // namespace dualsync
