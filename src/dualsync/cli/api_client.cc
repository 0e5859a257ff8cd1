#include "dualsync/cli/api_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>

#include "dualsync/cli/exit_codes.h"
#include "dualsync/config/config_parse.h"
#include "dualsync/config/paths.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kConnectPatience{5};
constexpr std::chrono::seconds kAnswerPatience{10};

// Empty where there is no such file, or none that we may read.
std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return std::string(trimmed(line));
}

// Where a server that listens on all addresses is reached from its own machine.
std::string reachable_host(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "::1";
  return host;
}

std::string text_member(const nlohmann::ordered_json& body, const char* name) {
  const auto member = body.find(name);
  return member != body.end() && member->is_string() ? member->get<std::string>() : std::string();
}

// When a daemon began to listen that worked in that directory; the beginning of time: it has ended, or none did.
std::filesystem::file_time_type written_at(const std::string& data_dir) {
  std::error_code failure;
  const auto time = std::filesystem::last_write_time(api_address_path(data_dir), failure);
  return failure ? std::filesystem::file_time_type::min() : time;
}

}  // namespace

ApiClient::ApiClient(const Settings& settings)
    : address_(settings.http_listen), token_(settings.api_token), data_dir_(settings.data_dir) {
  if (!settings.data_dir_fallback.empty() && written_at(settings.data_dir_fallback) > written_at(settings.data_dir)) {
    data_dir_ = settings.data_dir_fallback;  // where the daemon had to go
  }
  const Result<ListenAddress> written = parse_listen_address(first_line(api_address_path(data_dir_)));
  if (written.ok()) address_ = *written;
  if (token_.empty()) token_ = first_line(api_token_path(data_dir_));
}

Result<ApiAnswer> ApiClient::get(const std::string& path) const { return send("GET", path, kAnswerPatience); }

Result<ApiAnswer> ApiClient::post(const std::string& path, std::chrono::seconds patience,
                                  const nlohmann::ordered_json& body) const {
  return send("POST", path, patience, body);
}

Result<ApiAnswer> ApiClient::remove(const std::string& path) const { return send("DELETE", path, kAnswerPatience); }

Result<ApiAnswer> ApiClient::send(const std::string& method, const std::string& path, std::chrono::seconds patience,
                                  const nlohmann::ordered_json& body) const {
  const Error no_daemon{
      ErrorKind::kConnectivity, fmt::format("no daemon answers at {}", address_.to_string()),
      fmt::format("start it with `dualsync run`; if it runs, give this command the same SYNC_DATA_DIR "
                  "(now {}) or SYNC_HTTP_LISTEN",
                  data_dir_),
      0};
  if (address_.port == 0) return no_daemon;
  httplib::Client client(reachable_host(address_.host), address_.port);
  client.set_connection_timeout(kConnectPatience);
  client.set_read_timeout(patience);
  client.set_write_timeout(kAnswerPatience);
  httplib::Request request;
  request.method = method;
  request.path = path;
  if (!token_.empty()) request.set_header("Authorization", "Bearer " + token_);
  if (!body.is_null()) {
    request.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    request.set_header("Content-Type", "application/json");
  } else if (method == "POST") {
    request.set_header("Content-Length", "0");
  }
  const httplib::Result result = client.send(request);
  if (!result) {
    Error error = no_daemon;
    const bool refused = result.error() == httplib::Error::Connection;
    if (!refused) error.message += fmt::format(": {}", httplib::to_string(result.error()));
    return error;
  }
  ApiAnswer answer;
  answer.status = result->status;
  answer.body =
      nlohmann::ordered_json::parse(result->body, nullptr, false);  // false: no exceptions, but a marked value
  if (!answer.body.is_object()) {
    return Error{
        ErrorKind::kInvalidArgument,
        fmt::format("what answers at {} is not dualsync (HTTP status {})", address_.to_string(), answer.status),
        "check SYNC_HTTP_LISTEN", 0};
  }
  if (answer.status == 401) {
    return Error{ErrorKind::kDenied, fmt::format("the daemon at {} does not accept our token", address_.to_string()),
                 fmt::format("set SYNC_API_TOKEN as the daemon has it, or let this user read {}",
                             api_token_path(data_dir_).string()),
                 0};
  }
  return answer;
}

Error error_of_problem(const ApiAnswer& answer) {
  Error error;
  const std::string code = text_member(answer.body, "code");
  error.kind = code == "connectivity" ? ErrorKind::kConnectivity
               : code == "stopped"    ? ErrorKind::kStopped
               : answer.status == 400 ? ErrorKind::kInvalidArgument
               : answer.status == 404 ? ErrorKind::kNotFound
               : code == "conflict"   ? ErrorKind::kConflict
                                      : ErrorKind::kRefused;
  error.message = text_member(answer.body, "detail");
  if (error.message.empty()) error.message = fmt::format("the daemon answered with HTTP status {}", answer.status);
  error.hint = text_member(answer.body, "hint");
  return error;
}

int exit_code_of_daemon_error(const Error& error, bool from_daemon) {
  if (error.kind == ErrorKind::kStopped) return kExitNoDaemon;
  if (error.kind == ErrorKind::kConnectivity) return from_daemon ? kExitUnreachable : kExitNoDaemon;
  return error.kind == ErrorKind::kDenied ? kExitUsage : exit_code_of(error.kind);
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

}  // namespace dualsync
