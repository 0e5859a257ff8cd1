// BoundedServer: cpp-httplib's server with an end to what one client can hold. A request has to be there, whole, within
// a time and within a number of bytes, however slowly it drips in; cpp-httplib itself bounds only the wait for the next
// byte and the length of one header. One request a connection.
//
// Threads  as httplib::Server: each connection is served by one thread of its pool
// Errors   a request over its bounds ends as one that is torn off: 400 if that can still be said, else closed
#pragma once

#include <httplib.h>

#include <chrono>
#include <cstddef>

namespace dualsync {

struct RequestBounds {
  std::chrono::milliseconds first_byte{2000};  // a connection that asks nothing holds a thread so long
  std::chrono::milliseconds whole{10'000};     // from the first byte to the last one of the body
  std::chrono::milliseconds write{10'000};     // for the client to take some more of the answer
  std::size_t head_bytes = 0;                  // of the request line and all headers
  std::size_t bytes = 0;                       // of the whole request
};

class BoundedServer final : public httplib::Server {
 public:
  void set_bounds(const RequestBounds& bounds) { bounds_ = bounds; }  // before it listens

 private:
  bool process_and_close_socket(socket_t sock) override;

  RequestBounds bounds_;
};

}  // namespace dualsync
