// CuttingProxy: stands between a client and a MongoDB server on loopback, and loses answers.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace dualsync::test {

class CuttingProxy {
 public:
  // `server`: mongodb://127.0.0.1:<port>/...
  explicit CuttingProxy(const std::string& server);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  const std::string& problem() const { return problem_; }  // why it does not work, or nothing
  std::string uri() const { return "mongodb://127.0.0.1:" + std::to_string(port_) + "/"; }
  // From now on: what holds these bytes reaches the server, but its answer does not come back; the connection ends.
  void cut_answers_to(const std::string& bytes);

 private:
  void accept_all(const std::stop_token& stop);
  void serve(int client, const std::stop_token& stop);
  bool is_cut(const std::string& request);

  int listener_ = -1;
  int port_ = 0;
  int server_port_ = 0;
  std::string problem_;
  std::mutex mutex_;
  std::string cut_;
  std::list<std::jthread> connections_;  // of the accepting thread
  std::jthread accepting_;
};

}  // namespace dualsync::test
