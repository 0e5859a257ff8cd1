// A server on a free port with a Control whose answers the test sets.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "dualsync/api/api_server.h"
#include "support/fake_control.h"

namespace dualsync::test {

inline constexpr const char* kJson = "application/json";

using Json = nlohmann::json;

inline constexpr const char* kToken = "0123456789abcdef";

class ApiFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<int> port = server_.start();
    ASSERT_TRUE(port.ok()) << port.error().message;
    port_ = *port;
  }
  void TearDown() override { control_.hold_waits(false); }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", port_);
    made.set_bearer_token_auth(kToken);
    made.set_read_timeout(20);
    return made;
  }

  // Sends `text` as it stands and reads to the end.
  std::string raw(const std::string& text) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    std::string answer;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
      answer.append(buffer.data(), static_cast<std::size_t>(n));
    ::close(fd);
    return answer;
  }

  static void expect_problem(const httplib::Result& result, int status, const std::string& code) {
    ASSERT_TRUE(result) << httplib::to_string(result.error());
    EXPECT_EQ(result->status, status);
    EXPECT_EQ(result->get_header_value("Content-Type"), "application/problem+json");
    const Json body = Json::parse(result->body);
    EXPECT_EQ(body.at("status"), status);
    EXPECT_EQ(body.at("code"), code);
    EXPECT_TRUE(body.contains("title"));
    EXPECT_TRUE(body.contains("detail"));
  }

  FakeControl control_;
  ApiServer server_{control_, {"127.0.0.1", 0, kToken}};
  int port_ = 0;
};

}  // namespace dualsync::test
