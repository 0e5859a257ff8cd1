// Service: the whole mirror in one process, built in order and taken down in reverse. What `dualsync run` and an
// embedding application both are.
//
// Threads  start(), adopt() and stop() by one thread; the rest by any between them
// Errors   of start(): kInvalidArgument: a setting. kConnectivity: local does not answer. kConflict: another process
// has
//          the data directory or the port. kCorruption, kIo: the data directory. Nothing runs after an error
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dualsync/api/api_server.h"
#include "dualsync/observe/history.h"
#include "dualsync/observe/notifier.h"
#include "dualsync/observe/summary_log.h"
#include "dualsync/service/guards.h"
#include "dualsync/service/provers.h"

namespace dualsync {

struct ServiceOptions {
  bool serve_api = true;
  std::string data_dir_trouble;  // of prepare_data_dir(), which was called
};

class Service {
 public:
  // libmongoc is initialised, and stays so until the service is destroyed.
  static Result<std::unique_ptr<Service>> start(const Settings& settings, const ServiceOptions& options);
  ~Service();  // stop() at once
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Mirror& mirror() { return *mirror_; }
  SyncQueue& queue() { return *queue_; }
  Reconciler& reconciler() { return *reconciler_; }
  bool standalone() const { return standalone_; }  // local has no change stream
  // Takes over what of `now` may change while everything runs: the fields that the table of settings calls live.
  void adopt(const Settings& now);
  // Why the mirror cannot go on; everything else still answers.
  std::optional<Error> failure() const { return mirror_->failure(); }
  // Sends what was captured, for at most `drain`, then ends every thread. Again: nothing. Returns what waits and what
  // was done.
  QueueStats stop(std::chrono::milliseconds drain);

 private:
  Service(const Settings& settings, Sides sides) : settings_(settings), sides_(std::move(sides)) {}
  Result<void> open(const ServiceOptions& options);
  Result<void> reach_local();
  Result<void> refuse_mixed_databases();
  Result<void> make_parts(const ServiceOptions& options);
  void start_threads();

  const Settings settings_;
  const Sides sides_;
  std::unique_ptr<SyncQueue> queue_;
  Guards guards_;
  std::unique_ptr<Mirror> mirror_;
  std::unique_ptr<DrillSchedule> drills_;
  std::unique_ptr<VerifyService> verify_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Canary> canary_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Notifier> notifier_;
  SummaryLog summaries_;
  std::unique_ptr<ApiServer> api_;
  bool standalone_ = false;
  bool running_ = false;
  // They end before the mirror, which they ask; the canary's first, so that what it wrote is sent like all else. The
  // notifier's is the last: it tells how the mirror ended.
  std::jthread canary_thread_;
  std::vector<std::jthread> threads_;
  std::jthread notifier_thread_;
};

// Serves `control` where the settings say, and leaves the address in the data directory for the command line.
Result<std::unique_ptr<ApiServer>> start_api(const Settings& settings, Control& control);

}  // namespace dualsync
