// What one client can hold: a request that drips in, or never ends, is torn off, and others are answered meanwhile.
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

#include "api_fixture.h"

namespace dualsync::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kRequestTime{400};
constexpr milliseconds kDrip{50};

class ApiBoundsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<int> port = server_.start();
    ASSERT_TRUE(port.ok()) << port.error().message;
    port_ = *port;
  }

  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  // Sends `first`, then `drop` again and again until the server closes; returns how long that took and what it said.
  std::pair<milliseconds, std::string> drip(const std::string& first, std::string_view drop) const {
    const int fd = connect();
    EXPECT_GT(::send(fd, first.data(), first.size(), MSG_NOSIGNAL), 0);
    const auto begun = steady_clock::now();
    std::string said;
    while (steady_clock::now() - begun < std::chrono::seconds(20)) {
      if (::send(fd, drop.data(), drop.size(), MSG_NOSIGNAL) < 0) break;
      std::this_thread::sleep_for(kDrip);
      std::array<char, 4096> buffer{};
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got == 0) break;
      if (got > 0) said.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    return {std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun), said};
  }

  FakeControl control_;
  ApiServer server_{control_, {"127.0.0.1", 0, kToken, kRequestTime}};
  int port_ = 0;
};

TEST_F(ApiBoundsTest, ARequestThatDripsInIsTornOff) {
  const std::string head = "POST /api/sync/operations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{";
  const std::string get = "GET /api/sync/health HTTP/1.1\r\n";
  for (const auto& [first, drop] :
       {std::pair<std::string, std::string_view>{get + "A:", "b"}, {get, "A: b\r\n"}, {head, " "}}) {
    const auto [took, said] = drip(first, drop);
    EXPECT_GE(took, kRequestTime) << first;
    EXPECT_LT(took, kRequestTime + std::chrono::seconds(5)) << first;
    EXPECT_EQ(said.find("HTTP/1.1 2"), std::string::npos) << said;
  }
}

TEST_F(ApiBoundsTest, AHeadWithoutEndIsTornOff) {
  const int fd = connect();
  const std::string first = "GET /api/sync/health HTTP/1.1\r\n";
  ASSERT_GT(::send(fd, first.data(), first.size(), MSG_NOSIGNAL), 0);
  const std::string header = "X-Header: " + std::string(1000, 'x') + "\r\n";
  std::size_t sent = 0;
  while (sent < 64'000'000) {
    const ssize_t took = ::send(fd, header.data(), header.size(), MSG_NOSIGNAL);
    if (took < 0) break;
    sent += static_cast<std::size_t>(took);
  }
  ::close(fd);
  EXPECT_LT(sent, 16'000'000U);  // a bound of 1.1 MB, and what the two sockets hold
}

TEST_F(ApiBoundsTest, OthersAreAnsweredBesideManySlowOnes) {
  std::vector<int> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(connect());
  for (const int fd : slow) EXPECT_EQ(::send(fd, "G", 1, MSG_NOSIGNAL), 1);
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(20);
  client.set_connection_timeout(20);
  const httplib::Result health = client.Get("/api/sync/health");
  ASSERT_TRUE(health) << httplib::to_string(health.error());
  EXPECT_EQ(health->status, 200);
  for (const int fd : slow) ::close(fd);
}

}  // namespace
}  // namespace dualsync::test
