#include "support/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace dualsync::test {
namespace {

constexpr int kLookMs = 50;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

bool is_readable(int file) {
  pollfd one{file, POLLIN, 0};
  return ::poll(&one, 1, kLookMs) > 0;
}

// What is there; empty: the other end has closed.
std::string read_some(int file) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(file, buffer.data(), buffer.size());
  return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string();
}

bool write_all(int file, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::send(file, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(const std::string& server) {
  server_port_ = std::stoi(server.substr(server.find(':', server.find("//")) + 1));
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    problem_ = "cannot listen";
    return;
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

CuttingProxy::~CuttingProxy() {
  accepting_ = {};
  connections_.clear();
  ::close(listener_);
}

void CuttingProxy::cut_answers_to(const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  cut_ = bytes;
}

bool CuttingProxy::is_cut(const std::string& request) {
  const std::lock_guard lock(mutex_);
  return !cut_.empty() && request.find(cut_) != std::string::npos;
}

void CuttingProxy::accept_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!is_readable(listener_)) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, client](const std::stop_token& ended) { serve(client, ended); });
  }
}

void CuttingProxy::serve(int client, const std::stop_token& stop) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(server_port_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  while (open && !stop.stop_requested()) {
    std::array<pollfd, 2> both{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    if (::poll(both.data(), both.size(), kLookMs) <= 0) continue;
    if (both[0].revents != 0) {
      const std::string request = read_some(client);
      open = !request.empty() && write_all(server, request);
      if (!open || !is_cut(request)) continue;
      while (!is_readable(server) && !stop.stop_requested()) {
      }
      break;  // done there, and nobody hears of it
    }
    const std::string answer = read_some(server);
    open = !answer.empty() && write_all(client, answer);
  }
  ::close(client);
  ::close(server);
}

}  // namespace dualsync::test
