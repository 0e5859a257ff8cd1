// Drill: proves that the backup can be restored, by restoring it into scratch databases that are dropped again.
//
// Shape    restored by Restore and proven byte for byte against the backup (documents, indexes, options, views); then,
//          if local is there and the mirror has caught up, what was restored is compared with local too, TTLs and
//          capped sizes included
// Rule     scratch databases go in the end, whatever happened; those that a killed drill of the same owner left go
// first.
//          They are never mirrored (model/drill_name.h)
// Threads  one owner; writes from one thread, at a bounded rate
// Errors   kConnectivity, kDenied, kStopped: nothing is proven either way. kRefused: not enough room. What is wrong
// with
//          the backup is no error, but in the report
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/model/drill_report.h"
#include "dualsync/model/restore_report.h"
#include "dualsync/model/scope.h"
#include "dualsync/model/status.h"
#include "dualsync/pipeline/recheck.h"
#include "dualsync/ports/kept_schema.h"
#include "dualsync/ports/sides.h"
#include "dualsync/ports/storage_probe.h"

namespace dualsync {

struct DrillOptions {
  std::string owner;                    // model/drill_name.h
  std::vector<std::string> namespaces;  // patterns as Scope has them; empty: everything in scope
  CompareLocal compare = CompareLocal::kAuto;
  std::uint64_t bytes_per_second = 0;  // written to the target; 0: no limit
  std::uint64_t reserve_bytes = 0;     // stay free on the target's disk
  RecheckOptions recheck;
};

struct DrillSides {
  LocalSide& local;
  BackupSide& source;  // the backup
  BackupSide& target;  // its schema writers build what they are told, TTL and capped included
  StorageProbe& source_storage;
  StorageProbe& target_storage;
  std::unique_ptr<KeptSchemas> kept;
};

class Drill {
 public:
  Drill(const Scope& scope, DrillSides sides, const Clock& clock, DrillOptions options);

  Result<DrillReport> run(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress);

 private:
  struct TrueCollection {
    std::string options;
    std::vector<std::string> indexes;
    bool operator==(const TrueCollection&) const = default;
  };
  using TrueCollections = std::map<Namespace, TrueCollection>;

  Result<std::uint64_t> drop_scratch();
  Result<DrillReport> restore_and_compare(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress);
  // Whether local may be compared; if not, the report says why.
  Result<bool> look_at_local(std::stop_token stop, DrillReport* report);
  Result<void> check_room(const RestoreReport& plan);
  Namespace place(const Namespace& local);
  Result<TrueCollections> true_collections();
  void compare_schema(const TrueCollections& before, const TrueCollections& after, const TrueCollections& restored,
                      DrillReport* report) const;
  Result<TrueCollections> restored_collections(const DrillReport& report);
  Result<void> compare_documents(std::stop_token stop, const std::function<void(const CopyStatus&)>& progress,
                                 DrillReport* report);

  const Scope& scope_;
  DrillSides sides_;
  const Clock& clock_;
  const DrillOptions options_;
  std::map<std::string, std::string> databases_;  // on local -> scratch
  std::map<Namespace, Namespace> placed_;         // on the backup -> scratch
};

}  // namespace dualsync
