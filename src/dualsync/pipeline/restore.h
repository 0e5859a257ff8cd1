// Restore: puts what the backup holds into another MongoDB, as local had it, and proves that it is there.
//
// Shape    collections with their documents, options (capped, expiry) and indexes (true TTLs, built last); views
// Rule     a plan is made first: if anything stands in the way, nothing is changed. What goes in is compared in the end
// Threads  one owner
// Errors   kInvalidArgument: no such collection. kRefused: the target is not empty, or holds something of another kind
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/model/restore_report.h"
#include "dualsync/model/scope.h"
#include "dualsync/model/status.h"
#include "dualsync/ports/kept_schema.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

class RestoreDocuments;

struct RestoreOptions {
  std::vector<std::string> namespaces;  // patterns as Scope has them; empty: everything in scope
  std::vector<std::string> ids;         // {_id: ...} each: only these documents, of the one namespace
  std::string target_database;          // empty: as local names it
  bool force = false;                   // the target may hold documents; they are replaced or removed
  bool dry_run = false;
  std::size_t threads = 2;
  // Where a collection goes, by its name on local; asked once for each. Empty: `target_database` says it.
  std::function<Namespace(const Namespace&)> placed;
  // Asked once the plan is made and before anything is changed; an error ends the restore.
  std::function<Result<void>(const RestoreReport& plan)> approve;
  // What is wrong with one collection is noted in the report instead of ending the restore.
  bool go_on = false;
};

class Restore {
 public:
  // `target`'s schema writers must build what they are told, TTL and capped included.
  Restore(const Scope& scope, BackupSide& source, std::unique_ptr<KeptSchemas> kept, BackupSide& target,
          const Clock& clock, RestoreOptions options);

  Result<RestoreReport> run(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress);

 private:
  struct Item {
    CollectionInfo info;  // on the backup; options as local had them
    Namespace target;
    std::vector<std::string> indexes;  // as local had them
    std::uint64_t documents = 0;
    TargetState before = TargetState::kAbsent;
    std::string target_options;  // as the target has them; nothing if it is absent
    std::string problem;         // why it cannot be restored; empty: nothing is known against it
  };

  Result<std::vector<Item>> plan();
  Result<RestoredNamespace> restore_or_note(const Item& item, std::stop_token stop);
  Result<void> build_indexes(const Item& item, RestoreDocuments& documents, std::stop_token stop);
  Result<std::vector<CollectionInfo>> chosen();
  Result<void> complete(Item* item);        // what the backup does not say by itself
  Result<void> look_at_target(Item* item);  // kRefused: something of another kind is there
  Result<void> refuse_filled(const std::vector<Item>& items) const;
  Result<RestoredNamespace> restore(const Item& item, std::stop_token stop);
  Result<void> restore_view(const Item& item);
  Result<RestoredNamespace> restore_time_series(const Item& item, std::stop_token stop);
  Result<void> restore_measurements(const Item& item, std::stop_token stop, RestoredNamespace* done);
  Result<void> restore_indexes(const Item& item, bool with_ttl);
  Result<void> check_options(const Item& item);
  Result<void> check_indexes(const Item& item);
  Result<RestoredNamespace> restore_ids(const Item& item);
  bool may_fill(const Item& item) const { return item.before != TargetState::kFilled; }

  const Scope& scope_;
  BackupSide& source_;
  const std::unique_ptr<KeptSchemas> kept_;
  BackupSide& target_;
  const Clock& clock_;
  const RestoreOptions options_;
  std::unique_ptr<DocumentReader> source_reader_;
  std::unique_ptr<DocumentReader> target_reader_;
  std::unique_ptr<SchemaWriter> schema_;
  std::function<void(std::uint64_t)> add_progress_;
};

// Something is wrong with the collection itself; a server that is away, or rights that are missing, are another matter.
bool concerns_one_collection(const Error& error);

}  // namespace dualsync
