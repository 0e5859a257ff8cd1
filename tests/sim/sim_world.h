// One run of the simulation: the daemon's own queue, capture, lanes, DDL applier and full sync, driven step by step on
// one thread over a local server, a backup, a disk and a clock that misbehave as the seed says.
//
// Order    the same options give the same run, step by step
// Oracle   in the end the backup equals local; at every moment the backup holds every write up to the newest applied
//          position that was reported
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dualsync/pipeline/capture.h"
#include "dualsync/pipeline/ddl_applier.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/lane.h"
#include "sim/sim_backup.h"
#include "sim/sim_local.h"
#include "support/fake_clock.h"
#include "support/forgetful_env.h"

namespace dualsync::sim {

struct SimOptions {
  std::uint64_t seed = 1;
  int steps = 150;
  bool trace = false;  // to stdout
};

struct SimResult {
  std::string violation;  // empty: none
  int step = 0;           // at which it was seen
  int restarts = 0;
  std::uint64_t applied = 0;  // operations that reached the backup
};

class SimWorld {
 public:
  explicit SimWorld(SimOptions options);
  ~SimWorld();

  SimResult run();

 private:
  // What dies with the process.
  struct Process {
    std::unique_ptr<SyncQueue> queue;
    std::unique_ptr<CircuitBreaker> breaker;
    PipelineCounters counters;
    std::unique_ptr<PipelineContext> context;
    std::unique_ptr<Capture> capture;
    std::unique_ptr<DdlApplier> ddl;
    std::unique_ptr<FullSync> full_sync;
    std::vector<std::unique_ptr<Lane>> lanes;
    std::vector<bool> lane_busy;
    bool capture_busy = false;
    bool ddl_busy = false;
    bool full_sync_busy = false;
    bool failed = false;  // the queue cannot be used any more: the daemon ends
  };
  struct Weights {
    int write, capture, lane, ddl, full_sync, report, time, kill, power, roll_over, disk, late, outage, ask;
  };

  // sim_world.cc
  void choose_faults();
  void act();
  void meanwhile();
  void small_act();
  void capture_step();
  void lane_step(std::size_t lane);
  void ddl_step();
  void full_sync_step();
  void ask_for_full_sync();  // or cancel one
  void report();
  void kill(bool power_cut);
  void start_process();
  void restart_if_dead();
  bool settled();
  void heal_and_settle();
  void note(const std::string& text);
  void note_queue();  // what waits in it
  void took(const Result<void>& result);
  void violate(const std::string& what);

  // sim_writes.cc
  void write();
  void write_document(const Namespace& ns, Id id);
  void write_ddl(const Namespace& ns);
  Fields new_fields();
  Namespace any_namespace();

  // sim_oracle.cc
  void check_claims();
  void check_claim(const Namespace& ns, int id, const std::vector<Version>& versions);
  void collect(const Namespace& ns, int id, OpTime time, OpTime end, std::vector<const Version*>* versions) const;
  void check_equal();
  void check_replace(const Namespace& ns, std::string_view before, std::string_view after);
  void learn_dead_letters();

  const SimOptions options_;
  Random random_;
  test::FakeClock clock_;
  test::ForgetfulEnv env_;
  const Scope scope_{{"shop", "", {}, {"secret"}, {}}};
  Link local_link_;
  Link backup_link_;
  SimLocal local_{local_link_};
  SimBackup backup_;
  PipelineOptions pipeline_;
  QueueOptions queue_options_;
  Weights weights_{};
  bool refusals_ = false;
  bool ddl_writes_ = false;
  bool wide_ids_ = false;
  int ids_ = 6;
  int meanwhile_percent_ = 0;
  int depth_ = 0;
  int value_ = 0;
  bool disk_full_ = false;
  std::optional<bool> pending_kill_;  // true: with a power cut
  std::unique_ptr<Process> process_;
  OpTime reported_;
  std::map<int, bool> excused_;  // ids with a dead letter
  SimResult result_;
};

}  // namespace dualsync::sim
