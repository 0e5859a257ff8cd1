#include "dualsync/api/bounded_server.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace dualsync {
namespace {

using Steady = std::chrono::steady_clock;

bool await_event(socket_t sock, short event, std::chrono::milliseconds patience) {
  const auto until = Steady::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
    pollfd waiting{sock, event, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(0, left)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// Of one request. Reading ends for good at its bounds; writing is bounded step by step, because an answer may be long.
class RequestStream final : public httplib::Stream {
 public:
  RequestStream(socket_t sock, const RequestBounds& bounds)
      : sock_(sock), bounds_(bounds), until_(Steady::now() + bounds.whole) {}

  bool is_readable() const override { return begin_ < end_ || await_event(sock_, POLLIN, left()); }

  bool is_writable() const override {
    if (!await_event(sock_, POLLOUT, bounds_.write)) return false;
    char next = 0;  // a client that is gone, which cpp-httplib asks for while it sends events
    const ssize_t seen = ::recv(sock_, &next, 1, MSG_PEEK | MSG_DONTWAIT);
    return seen > 0 || (seen < 0 && (errno == EAGAIN || errno == EINTR));
  }

  // cpp-httplib reads headers byte by byte.
  ssize_t read(char* out, std::size_t size) override {
    if (begin_ == end_) {
      if (bytes_ >= bounds_.bytes || !await_event(sock_, POLLIN, left())) return -1;
      ssize_t got = 0;
      do {
        got = ::recv(sock_, buffer_.data(), std::min(buffer_.size(), bounds_.bytes - bytes_), 0);
      } while (got < 0 && errno == EINTR);
      if (got <= 0) return got;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
      bytes_ += end_;
    }
    const std::size_t count = std::min(size, end_ - begin_);
    std::copy_n(buffer_.data() + begin_, count, out);
    begin_ += count;
    if (!note_head(std::string_view(out, count))) return -1;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* text, std::size_t size) override {
    if (!await_event(sock_, POLLOUT, bounds_.write)) return -1;
    ssize_t sent = 0;
    do {
      sent = ::send(sock_, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override { name_of(::getpeername, &ip, &port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { name_of(::getsockname, &ip, &port); }
  socket_t socket() const override { return sock_; }

 private:
  std::chrono::milliseconds left() const {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Steady::now()));
  }

  // False once the head is longer than it may be: cpp-httplib only leaves out single lines that are too long.
  bool note_head(std::string_view text) {
    for (const char c : text) {
      if (head_over_) return true;
      ++head_bytes_;
      if (c == '\n') {
        head_over_ = line_empty_ && head_bytes_ > 2;
        line_empty_ = true;
      } else if (c != '\r') {
        line_empty_ = false;
      }
    }
    return head_over_ || head_bytes_ <= bounds_.head_bytes;
  }

  template <typename Ask>
  void name_of(Ask ask, std::string* ip, int* port) const {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (ask(sock_, generic, &length) != 0) return;
    if (::getnameinfo(generic, length, host.data(), host.size(), service.data(), service.size(),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      return;
    *ip = host.data();
    *port = static_cast<int>(std::strtol(service.data(), nullptr, 10));
  }

  const socket_t sock_;
  const RequestBounds& bounds_;
  const Steady::time_point until_;
  std::array<char, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t bytes_ = 0;
  std::size_t head_bytes_ = 0;
  bool line_empty_ = true;
  bool head_over_ = false;
};

}  // namespace

bool BoundedServer::process_and_close_socket(socket_t sock) {
  bool answered = false;
  if (await_event(sock, POLLIN, bounds_.first_byte)) {
    RequestStream stream(sock, bounds_);
    bool closed = false;
    answered = process_request(stream, true, closed, nullptr);
  }
  ::shutdown(sock, SHUT_RDWR);
  ::close(sock);
  return answered;
}

}  // namespace dualsync
