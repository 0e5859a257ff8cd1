// TestServer: the servers that the contract tests run on.
//
// Shape    DUALSYNC_TEST_LOCAL_URI and DUALSYNC_TEST_BACKUP_URI (one is enough: it then is both sides), or else an
//          embedded server, started from the program that DUALSYNC_TEST_SERVER names, on a free port with a directory
//          of its own, and stopped at the end by its process id.
// Errors   neither is set, or the server does not start: every test fails with a message that says what to do
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace dualsync::test {

// One embedded server process.
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

// For the whole test program. Why there is no server, or nothing; then the URIs of both sides.
const std::string& server_problem();
const std::string& local_uri();
const std::string& backup_uri();

// Whether the server is the embedded one, some of whose behaviour is its own.
bool on_embedded_server();

}  // namespace dualsync::test
