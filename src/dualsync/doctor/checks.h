// The checks of `dualsync doctor`: what was seen of the world -> what is so, and what to do. No check asks anything
// itself; app/doctor_command.cc looks, and these judge.
//
// Threads  pure; any
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/config/settings.h"
#include "dualsync/model/doctor_report.h"
#include "dualsync/model/local_identity.h"
#include "dualsync/mongo/privileges.h"
#include "dualsync/mongo/server_facts.h"
#include "dualsync/mongo/server_probe.h"
#include "dualsync/ports/backup_state.h"

namespace dualsync::doctor {

enum class Side : std::uint8_t { kLocal, kBackup };

CheckOutcome skipped(const std::string& name, const std::string& why);

CheckOutcome check_settings(const Settings& settings);

struct DirectoryFacts {
  std::string path;
  bool exists = false;
  std::string trouble;  // why it cannot be used; empty: it can
  std::uint32_t mode = 0;
  std::uint64_t free_bytes = 0;
};
CheckOutcome check_data_dir(const DirectoryFacts& facts);
CheckOutcome check_disk(const DirectoryFacts& facts, std::uint64_t reserve);

CheckOutcome check_connection(Side side, const Result<ServerFacts>& facts, const std::string& hosts);
CheckOutcome check_version(Side side, const ServerFacts& facts);
CheckOutcome check_replica_set(const ServerFacts& facts, const std::string& hosts);
CheckOutcome check_change_stream(const Result<void>& opened);
// `lag`: how far the daemon's capture is behind, seconds; none: no daemon runs.
CheckOutcome check_oplog(const Result<std::int64_t>& window_seconds, std::optional<double> lag);
CheckOutcome check_clock(Side side, const Result<std::int64_t>& server_ms, std::int64_t our_ms);

// `databases`: those to be mirrored, as this side names them; empty: all.
CheckOutcome check_local_rights(const Result<Privileges>& rights, const std::vector<std::string>& databases);
CheckOutcome check_backup_rights(const Result<Privileges>& rights, const std::vector<std::string>& databases);

struct TierFacts {
  bool atlas = false;                   // by the name of its hosts
  bool shared_tier = false;             // it refuses commands as M0 and Flex do
  DatabaseSize local;                   // of all that is mirrored
  std::vector<std::string> long_names;  // databases and collections, as the backup would name them
};
CheckOutcome check_tier(const Result<TierFacts>& facts);
// A shared tier's bounds on names, in bytes.
inline constexpr std::size_t kTierDatabaseNameMax = 38;
inline constexpr std::size_t kTierNamespaceMax = 95;

// `host` and `data_dir` are this process'.
CheckOutcome check_lease(const Result<std::optional<LeaseRecord>>& lease, const std::string& host,
                         const std::string& data_dir);
CheckOutcome check_identity(const Result<std::optional<LocalIdentity>>& known, const Result<FoundLocal>& found);

struct DaemonFacts {
  bool answers = false;
  std::string address;
  std::string verdict;
  std::vector<std::string> reasons;
  std::string error;  // why it was not understood
};
CheckOutcome check_daemon(const DaemonFacts& facts);

}  // namespace dualsync::doctor
