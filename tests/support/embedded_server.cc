#include "support/embedded_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

namespace dualsync::test {
namespace {

constexpr std::chrono::seconds kStartTimeout{30};
constexpr const char* kListening = "listening on ";

}  // namespace

std::string environment(const char* name) {
  const char* value = ::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return value == nullptr ? "" : value;
}

std::string EmbeddedServer::start(const std::vector<std::string>& arguments) {
  const std::string program = environment("DUALSYNC_TEST_SERVER");
  if (program.empty()) {
    return "No server to test on. Set DUALSYNC_TEST_LOCAL_URI (and DUALSYNC_TEST_BACKUP_URI) to a replica set whose "
           "data may be changed, or DUALSYNC_TEST_SERVER to the path of secantusd-rs.";
  }
  std::string directory = (std::filesystem::temp_directory_path() / "dualsync-server-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) return "cannot make a temporary directory";
  directory_ = directory;
  const std::string log = (directory_ / "server.log").string();
  const std::string storage = (directory_ / "data").string();
  std::vector<std::string> words = {program, "--port", "0", "--storage-path", storage, "--cache-size", "256M"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) return "cannot fork";
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test program that aborts must not leave its server behind
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  return wait_for_port();
}

std::string EmbeddedServer::wait_for_port() {
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (std::chrono::steady_clock::now() < deadline) {
    std::ifstream log(directory_ / "server.log");
    for (std::string line; std::getline(log, line);) {
      const std::size_t begin = line.find(kListening);
      if (begin == std::string::npos || log.eof()) continue;  // eof: the line may not be whole yet
      port_ = std::stoi(line.substr(line.rfind(':') + 1));
      return "";
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return "The program that DUALSYNC_TEST_SERVER names ended at once.";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return "The program that DUALSYNC_TEST_SERVER names does not say that it listens.";
}

void EmbeddedServer::stop() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  if (!directory_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    directory_.clear();
  }
}

}  // namespace dualsync::test
