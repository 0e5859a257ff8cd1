// EmbeddedServer: a server process of a test's own, on a free port of loopback, with a directory that goes with it.
//
// Errors   start(): in words; DUALSYNC_TEST_SERVER must name the program
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace dualsync::test {

// Of this process; empty: not set.
std::string environment(const char* name);

class EmbeddedServer {
 public:
  // `arguments` besides port and storage path. Returns its error in words, or nothing.
  std::string start(const std::vector<std::string>& arguments);
  ~EmbeddedServer() { stop(); }
  EmbeddedServer() = default;
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  void stop();
  int port() const { return port_; }
  std::string uri() const { return "mongodb://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  std::string wait_for_port();

  pid_t pid_ = -1;
  int port_ = 0;
  std::filesystem::path directory_;
};

}  // namespace dualsync::test
