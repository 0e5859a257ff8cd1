#include "dualsync/middleware.h"

#include <thread>
#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/embed/engine_impl.h"
#include "dualsync/embed/many_documents.h"
#include "dualsync/middleware/command_watcher.h"
#include "dualsync/middleware/stop_mark.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kDestructorWait{10};

}  // namespace

struct Middleware::Impl {
  explicit Impl(Engine::Impl& the_engine)
      : engine(the_engine),
        tells(the_engine.service != nullptr && the_engine.service->standalone()),
        reporter(system_clock(), [this](const ReportedChanges& changes) { return tell(changes); }),
        watcher(reporter) {}

  Result<void> tell(const ReportedChanges& changes) {
    if (!tells) return {};
    const auto outcome = engine.control().report_changes(changes);
    if (!outcome) return outcome.error();
    return {};
  }

  // Whoever left the mark may have missed changes.
  Result<void> set_mark() {
    if (!tells) return {};
    const auto stood = StopMark(engine.service->queue()).set();
    if (!stood) return stood.error();
    if (!*stood) return {};
    log::warn("middleware", "the application did not end in order; everything is compared");
    owes_comparison = true;
    engine.service->reconciler().owe_one();
    return {};
  }

  // Only if nothing can be missing that nobody will look for.
  bool clear_mark() {
    if (!tells) return true;
    if (watcher.lost_count() || (owes_comparison && !engine.service->reconciler().has_begun())) return false;
    return StopMark(engine.service->queue()).clear().ok();
  }

  bool stop(std::chrono::milliseconds timeout) {
    if (std::exchange(stopped, true)) return ended_in_order;
    ended_in_order = reporter.flush(timeout) && clear_mark();
    reporter_thread = {};
    return ended_in_order;
  }

  Engine::Impl& engine;
  const bool tells;  // a local with a change stream tells by itself, in order; switched off, nobody listens
  bool owes_comparison = false;
  bool stopped = false;
  bool ended_in_order = false;
  Reporter reporter;
  CommandWatcher watcher;
  std::jthread reporter_thread;
};

std::unique_ptr<Middleware> Middleware::start(Engine& engine, Failure* failure) {
  if (engine.impl_->has_middleware.exchange(true)) {
    return refuse(Error{ErrorKind::kConflict, "the engine has a middleware already",
                        "attach that one to all pools and clients", 0},
                  failure);
  }
  auto impl = std::make_unique<Impl>(*engine.impl_);
  if (const auto set = impl->set_mark(); !set) {
    engine.impl_->has_middleware = false;
    return refuse(set.error(), failure);
  }
  impl->reporter_thread =
      std::jthread([&reporter = impl->reporter](const std::stop_token& stop) { reporter.run(stop); });
  return std::unique_ptr<Middleware>(new Middleware(std::move(impl)));
}

Middleware::Middleware(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Middleware::~Middleware() {
  stop(kDestructorWait);
  impl_->engine.has_middleware = false;
}

std::optional<Failure> Middleware::attach(mongoc_client_pool_t* pool) {
  mongoc_apm_callbacks_t* callbacks = CommandWatcher::make_callbacks();
  const bool set = mongoc_client_pool_set_apm_callbacks(pool, callbacks, &impl_->watcher);
  mongoc_apm_callbacks_destroy(callbacks);
  if (set) return std::nullopt;
  return Failure{"the pool has command monitoring already",
                 "call command_started(), command_succeeded() and command_failed() from its callbacks"};
}

std::optional<Failure> Middleware::attach(mongoc_client_t* client) {
  mongoc_apm_callbacks_t* callbacks = CommandWatcher::make_callbacks();
  const bool set = mongoc_client_set_apm_callbacks(client, callbacks, &impl_->watcher);
  mongoc_apm_callbacks_destroy(callbacks);
  if (set) return std::nullopt;
  return Failure{"the client is one of a pool", "attach the pool before its first client is popped"};
}

void Middleware::command_started(const mongoc_apm_command_started_t* event) noexcept { impl_->watcher.started(event); }
void Middleware::command_succeeded(const mongoc_apm_command_succeeded_t* event) noexcept {
  impl_->watcher.succeeded(event);
}
void Middleware::command_failed(const mongoc_apm_command_failed_t* event) noexcept { impl_->watcher.failed(event); }

bool Middleware::update_many(mongoc_collection_t* collection, const bson_t* selector, const bson_t* update,
                             const bson_t* opts, bson_t* reply, bson_error_t* error) {
  const NarrowedSelector narrowed(collection, selector, opts, impl_->tells);
  return mongoc_collection_update_many(collection, narrowed.get(), update, opts, reply, error);
}

bool Middleware::delete_many(mongoc_collection_t* collection, const bson_t* selector, const bson_t* opts, bson_t* reply,
                             bson_error_t* error) {
  const NarrowedSelector narrowed(collection, selector, opts, impl_->tells);
  return mongoc_collection_delete_many(collection, narrowed.get(), opts, reply, error);
}

void Middleware::changed(const std::string& database, const std::string& collection) {
  ReportedChanges changes;
  changes.ranges.push_back({database, collection});
  impl_->reporter.add(std::move(changes));
}

MiddlewareCounts Middleware::counts() const {
  const ReporterView view = impl_->reporter.view();
  MiddlewareCounts counts;
  counts.waiting = view.waiting;
  counts.documents = view.documents;
  counts.comparisons = view.ranges;
  if (view.trouble) counts.trouble = view.trouble->message;
  return counts;
}

bool Middleware::flush(std::chrono::milliseconds timeout) { return impl_->reporter.flush(timeout); }

bool Middleware::stop(std::chrono::milliseconds timeout) { return impl_->stop(timeout); }

}  // namespace dualsync
