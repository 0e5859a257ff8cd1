// The product between a local and a backup of the simulation, step by step on one thread: its own queue, capture,
// lanes, DDL applier and full sync. A property makes the writes and decides when what happens.
//
// Shape    database `shop` with the collections of kCollections, which exist on both sides from the start
// Threads  one at a time
// Errors   what must not fail fails the property (RC_ASSERT)
#pragma once

#include <rapidcheck.h>
#include <rocksdb/env.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dualsync/pipeline/capture.h"
#include "dualsync/pipeline/ddl_applier.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/lane.h"
#include "prop/recording_backup.h"
#include "sim/sim_local.h"
#include "support/fake_clock.h"

namespace dualsync::test {

inline const std::vector<std::string> kCollections = {"bills", "goods", "staff"};

// One write of the application. On a document that is not there, all but a delete insert it.
struct Write {
  enum class Kind { kPut, kSetV, kSetA, kToggleB, kOpaque, kDelete };
  Kind kind = Kind::kPut;
  int collection = 0;
  int id = 0;
  bool wide = false;  // an int64 `_id`, equal to the int32 for MongoDB
};
void showValue(const Write& write, std::ostream& out);  // NOLINT: RapidCheck's name

// Writes of documents 1 to `ids` in the first `collections` collections.
rc::Gen<Write> any_write(int collections = 2, int ids = 5, bool wide = false);
inline rc::Gen<std::vector<Write>> any_writes(int collections = 2, int ids = 5, bool wide = false) {
  return rc::gen::container<std::vector<Write>>(any_write(collections, ids, wide));
}

struct WorldOptions {
  PipelineOptions pipeline;
  ScopeOptions scope{"shop", "", {}, {}, {}};
  std::size_t memory_operations = 10'000;
  std::uint64_t seed = 1;
  WorldOptions() {
    pipeline.lanes = 2;
    pipeline.copy_threads = 1;
  }
};

using Documents = std::map<std::pair<Namespace, std::string>, std::string>;  // namespace, key -> document

class World {
 public:
  explicit World(WorldOptions options = {});
  ~World();

  void write(const Write& write);
  void capture();  // all that local's oplog holds
  void work();     // one batch of each lane, if the breaker lets it
  void ddl();      // the next DDL change, if its turn has come
  void repair();   // one pass over what is dirty
  void restart();  // the process ends and another one starts on the same directory
  void stop_process() { process_.reset(); }
  void heal();  // every link and server is well again
  // Steps until nothing waits any more and capture stands at local's time.
  void settle();
  bool settled() const;
  // Everything that waits, in the order in which the lanes get it; it stays in flight.
  std::vector<TakenOperation> take_all();
  void put_back(const std::vector<TakenOperation>& taken);

  Documents on_local() const;  // what is in scope
  Documents on_backup() const;
  Documents differing() const;  // of both sides, empty text: not there
  Namespace ns(int collection) const { return {"shop", kCollections[static_cast<std::size_t>(collection)]}; }

  SyncQueue& queue() { return *process_->queue; }
  PipelineContext& context() { return *process_->context; }
  Capture& capturer() { return *process_->capture; }
  FullSync& full_sync() { return *process_->full_sync; }
  Lane& lane(std::size_t index) { return *process_->lanes[index]; }
  CircuitBreaker& breaker() { return *process_->breaker; }

  FakeClock clock;
  sim::Random random;
  sim::Random local_random;
  sim::Link local_link;
  sim::Link backup_link;
  sim::SimLocal local{local_link};
  sim::SimBackup store;    // what the backup holds
  RecordingBackup backup;  // the way to it
  const WorldOptions options;
  const Scope scope;
  QueueOptions queue_options;
  int value = 0;             // of the newest write
  bool refuse_next = false;  // the next documents have a field that the backup does not take

 private:
  struct Process {
    std::unique_ptr<SyncQueue> queue;
    std::unique_ptr<CircuitBreaker> breaker;
    PipelineCounters counters;
    std::unique_ptr<PipelineContext> context;
    std::unique_ptr<Capture> capture;
    std::unique_ptr<DdlApplier> ddl;
    std::unique_ptr<FullSync> full_sync;
    std::vector<std::unique_ptr<Lane>> lanes;
  };
  void start_process();
  Documents documents_of(const sim::Data& data) const;

  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Process> process_;
};

// A token that asks to stop: whoever gets it does what there is to do and does not wait.
std::stop_token stopped();

}  // namespace dualsync::test
