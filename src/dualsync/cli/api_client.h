// ApiClient: asks the running daemon.
//
// Shape    the address is that in <data>/api-address, else SYNC_HTTP_LISTEN; the token is SYNC_API_TOKEN, else that in
//          <data>/api-token
// Errors   kConnectivity: no daemon answers. kDenied: it refuses our token, or there is none to send. kInvalidArgument:
//          what answered is not a dualsync of this kind. An answer with an error status is a value, not an error
// Threads  one owner
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "dualsync/base/result.h"
#include "dualsync/config/settings.h"

namespace dualsync {

struct ApiAnswer {  // NOLINT(bugprone-exception-escape): nlohmann's move checks itself and cannot fail
  int status = 0;
  nlohmann::ordered_json body;  // always an object
};

class ApiClient {
 public:
  explicit ApiClient(const Settings& settings);

  Result<ApiAnswer> get(const std::string& path) const;
  // `patience`: how long the daemon may take to answer.
  Result<ApiAnswer> post(const std::string& path, std::chrono::seconds patience,
                         const nlohmann::ordered_json& body = nullptr) const;

  Result<ApiAnswer> remove(const std::string& path) const;  // DELETE

  const ListenAddress& address() const { return address_; }

 private:
  Result<ApiAnswer> send(const std::string& method, const std::string& path, std::chrono::seconds patience,
                         const nlohmann::ordered_json& body = nullptr) const;

  ListenAddress address_;
  std::string token_;
  std::string data_dir_;
};

// As a value of a query.
std::string percent_encoded(std::string_view text);

// The exit code of a command that the daemon refused, or that no daemon answered.
int exit_code_of_daemon_error(const Error& error, bool from_daemon);

// The error that a problem body tells of.
Error error_of_problem(const ApiAnswer& answer);

}  // namespace dualsync
