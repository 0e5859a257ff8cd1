#include "prop/prop_world.h"

#include "dualsync/base/log.h"
#include "dualsync/codec/document_key.h"

namespace dualsync::test {
namespace {

constexpr int kRoundsMax = 500;  // until everything must be quiet

}  // namespace

std::stop_token stopped() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

void showValue(const Write& write, std::ostream& out) {
  static const char* const kNames[] = {"put", "set v", "set a", "toggle b", "opaque", "delete"};
  out << kNames[static_cast<int>(write.kind)] << " " << kCollections[static_cast<std::size_t>(write.collection)] << " "
      << write.id << (write.wide ? "L" : "");
}

rc::Gen<Write> any_write(int collections, int ids, bool wide) {
  const auto kind = rc::gen::element(Write::Kind::kPut, Write::Kind::kSetV, Write::Kind::kSetA, Write::Kind::kToggleB,
                                     Write::Kind::kOpaque, Write::Kind::kDelete);
  const auto is_wide = wide ? rc::gen::arbitrary<bool>() : rc::gen::just(false);
  return rc::gen::map(rc::gen::tuple(kind, rc::gen::inRange(0, collections), rc::gen::inRange(1, ids + 1), is_wide),
                      [](const auto& t) {
                        return Write{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t)};
                      });
}

World::World(WorldOptions given)
    : random(given.seed),
      local_random(given.seed),
      store(backup_link, [this] { return local.time(); }),
      backup(store),
      options(std::move(given)),
      scope(options.scope),
      env_(rocksdb::NewMemEnv(rocksdb::Env::Default())) {
  log::configure(log::Level::kOff, log::Format::kJson);
  local_link.random = &local_random;
  backup_link.random = &random;
  queue_options.directory = "/queue";
  queue_options.lanes = options.pipeline.lanes;
  queue_options.strict = options.pipeline.strict;
  queue_options.memory_operations = options.memory_operations;
  queue_options.clock = &clock;
  queue_options.env = env_.get();
  for (int i = 0; i < static_cast<int>(kCollections.size()); ++i) {
    local.insert(ns(i), {1, false}, {});
    local.remove(ns(i), {1, false});
  }
  start_process();
  settle();
  backup.sent.clear();
}

World::~World() = default;

void World::start_process() {
  auto queue = SyncQueue::open(queue_options);
  RC_ASSERT(queue.ok());
  process_ = std::make_unique<Process>();
  Process& p = *process_;
  p.queue = std::move(*queue);
  p.breaker = std::make_unique<CircuitBreaker>(clock, 7);
  p.context = std::make_unique<PipelineContext>(
      PipelineContext{options.pipeline, scope, local, backup, *p.queue, *p.breaker, p.counters, clock});
  p.capture = std::make_unique<Capture>(*p.context);
  p.ddl = std::make_unique<DdlApplier>(*p.context);
  p.full_sync = std::make_unique<FullSync>(*p.context);
  for (std::size_t i = 0; i < options.pipeline.lanes; ++i) p.lanes.push_back(std::make_unique<Lane>(*p.context, i));
}

void World::restart() {
  process_.reset();
  start_process();
  // The lanes look at once, and what they look at is loaded.
  for (std::size_t lane = 0; lane < options.pipeline.lanes; ++lane)
    RC_ASSERT(queue().take(lane, {0, 1}, std::chrono::milliseconds(0), stopped()).ok());
}

void World::write(const Write& w) {
  const sim::Id id{w.id, w.wide};
  const std::string* there = local.get(ns(w.collection), id);
  ++value;
  if (there == nullptr) {
    if (w.kind == Write::Kind::kDelete) return;
    sim::Fields fields = {{"v", value}, {"a", value}};
    if (refuse_next) fields.emplace_back("refused", 1);
    return local.insert(ns(w.collection), id, fields);
  }
  const sim::Id same = sim::id_of(*there);  // its bytes stay as they are
  sim::Fields fields = sim::decode(*there);
  switch (w.kind) {
    case Write::Kind::kPut: return local.replace(ns(w.collection), same, {{"v", value}, {"a", value}});
    case Write::Kind::kSetV: return local.update(ns(w.collection), same, {{"v", value}}, {}, false);
    case Write::Kind::kSetA: return local.update(ns(w.collection), same, {{"a", value}}, {}, false);
    case Write::Kind::kOpaque: return local.update(ns(w.collection), same, {{"v", value}}, {}, true);
    case Write::Kind::kDelete: return local.remove(ns(w.collection), same);
    case Write::Kind::kToggleB:
      if (sim::find(&fields, "b") != nullptr) return local.update(ns(w.collection), same, {}, {"b"}, false);
      return local.update(ns(w.collection), same, {{"b", value}}, {}, false);
  }
}

void World::capture() {
  const OpTime from = process_->queue->position().time;
  std::size_t events = 0;
  for (const auto& entry : local.oplog()) events += from < entry.time ? 1 : 0;
  local.batches_allowed = static_cast<int>(events / local.batch_events) + 1;
  const auto ended = process_->capture->step({});  // the source says that it was stopped once it has given them
  RC_ASSERT(!ended.ok());
  if (!local_link.down && local_link.cut_percent == 0) RC_ASSERT(ended.error().kind == ErrorKind::kStopped);
}

void World::work() {
  for (const auto& lane : process_->lanes) {
    const auto permit = process_->breaker->try_acquire();
    if (permit) RC_ASSERT(lane->step(*permit, stopped()).ok());
  }
}

void World::ddl() { RC_ASSERT(process_->ddl->step(stopped()).ok()); }

void World::repair() {
  const auto repaired = process_->full_sync->step({}, stopped());
  // kStopped: it would wait for the lanes to be done with a namespace.
  if (!repaired)
    RC_ASSERT((repaired.error().kind == ErrorKind::kConnectivity || repaired.error().kind == ErrorKind::kStopped));
}

void World::heal() {
  for (sim::Link* link : {&local_link, &backup_link}) {
    link->down = false;
    link->cut_percent = 0;
  }
  store.throttle_percent = 0;
  store.refuses = false;
}

bool World::settled() const {
  const QueueStats stats = process_->queue->stats();
  return stats.operations == 0 && stats.dirty_ranges == 0 && process_->queue->position().time == local.time();
}

void World::settle() {
  for (int round = 0; round == 0 || !settled(); ++round) {
    RC_ASSERT(round < kRoundsMax);  // something waits that never gets through
    clock.advance(std::chrono::seconds(5));
    capture();
    repair();
    work();
    ddl();
  }
}

std::vector<TakenOperation> World::take_all() {
  std::vector<TakenOperation> all;
  for (std::size_t lane = 0; lane < options.pipeline.lanes; ++lane) {
    auto taken = queue().take(lane, {1'000'000, 1U << 30U}, std::chrono::milliseconds(0), stopped());
    RC_ASSERT(taken.ok());
    all.insert(all.end(), taken->begin(), taken->end());
  }
  return all;
}

void World::put_back(const std::vector<TakenOperation>& taken) {
  std::vector<Completion> completions;
  for (const TakenOperation& one : taken) {
    Completion completion;
    completion.seq = one.seq;
    completion.kind = Completion::Kind::kPutBack;
    completions.push_back(completion);
  }
  RC_ASSERT(queue().complete(completions).ok());
}

Documents World::documents_of(const sim::Data& data) const {
  Documents found;
  for (const auto& [ns, collection] : data) {
    if (!scope.contains(ns)) continue;
    for (const auto& [key, document] : collection.documents) {
      std::string canonical;
      RC_ASSERT(append_canonical_key(key, &canonical));
      found[{ns, canonical}] = document;
    }
  }
  return found;
}

Documents World::on_local() const { return documents_of(local.data()); }
Documents World::on_backup() const { return documents_of(const_cast<sim::SimBackup&>(store).data()); }

Documents World::differing() const {
  const Documents here = on_local();
  const Documents there = on_backup();
  Documents differ;
  for (const auto& [key, document] : here) {
    const auto other = there.find(key);
    if (other == there.end() || other->second != document) differ[key] = document;
  }
  for (const auto& [key, document] : there) {
    if (!here.contains(key)) differ[key] = "";
  }
  return differ;
}

}  // namespace dualsync::test
