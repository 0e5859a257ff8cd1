// Middleware: hears of an application's writes where local is a standalone server, which has no change stream to tell
// of them. It listens to the commands of the application's own libmongoc clients, so that its code stays as it is.
//
// With a local replica set the engine hears of everything by itself; the middleware then only listens.
//
// What     insert, update, replace, delete, findAndModify, bulk writes, upserts, of one document or of many;
//          transactions, when they commit; $out and $merge; drops and renames. A write that does not say which
//          documents it changed (its filter names no `_id`) has the whole collection compared: update_many() and
//          delete_many() below avoid that. So does an unacknowledged write. Indexes and options of collections are
//          found by the comparison every SYNC_RECONCILE_INTERVAL, as is what other programs wrote
// Promise  the application's operations have the same results, errors and order with and without it. A failure of ours,
//          a full disk included, reaches none of them
// Stopped  an application that ends without stop() (killed, power cut) may have written what the engine never heard of:
//          the next start has everything compared
// Threads  attach() before the first client is used; all else by any thread
#pragma once

#include <mongoc/mongoc.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dualsync/engine.h"

namespace dualsync {

struct MiddlewareCounts {
  std::uint64_t waiting = 0;      // documents and ranges that the engine's queue does not have yet
  std::uint64_t documents = 0;    // told to it
  std::uint64_t comparisons = 0;  // collections that it was told to compare
  std::string trouble;            // why it takes nothing now; empty: it does
};

class DUALSYNC_API Middleware {
 public:
  // One for an engine, which must outlive it. Null: why not is in `failure` (may be null).
  static std::unique_ptr<Middleware> start(Engine& engine, Failure* failure);

  // As stop(), for at most ten seconds. Pools and clients that it is attached to must be gone by then.
  ~Middleware();
  Middleware(const Middleware&) = delete;
  Middleware& operator=(const Middleware&) = delete;

  // Before the first client is popped. Fails if the pool has callbacks already: see command_started().
  std::optional<Failure> attach(mongoc_client_pool_t* pool);
  // A client that is in no pool; replaces its callbacks.
  std::optional<Failure> attach(mongoc_client_t* client);

  // For an application with command monitoring of its own: it calls these from its own callbacks, and attaches nothing.
  void command_started(const mongoc_apm_command_started_t* event) noexcept;
  void command_succeeded(const mongoc_apm_command_succeeded_t* event) noexcept;
  void command_failed(const mongoc_apm_command_failed_t* event) noexcept;

  // As mongoc_collection_update_many() and mongoc_collection_delete_many(), but they read the `_id`s first and change
  // just those documents, so that the engine knows which. With over 10,000 of them, or if they cannot be read, the
  // command runs as it is, and the collection is compared.
  bool update_many(mongoc_collection_t* collection, const bson_t* selector, const bson_t* update, const bson_t* opts,
                   bson_t* reply, bson_error_t* error);
  bool delete_many(mongoc_collection_t* collection, const bson_t* selector, const bson_t* opts, bson_t* reply,
                   bson_error_t* error);

  // Has a collection compared (an empty one: the database): for changes that were made without libmongoc.
  void changed(const std::string& database, const std::string& collection);

  MiddlewareCounts counts() const;
  // True: all that was written before the call is with the engine, on disk. False: not within `timeout`.
  bool flush(std::chrono::milliseconds timeout);
  // flush(), and then the mark that the application ended in order. Again: nothing. False: it is not set, and the next
  // start has everything compared.
  bool stop(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  explicit Middleware(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dualsync
