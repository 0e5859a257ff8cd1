#include "dualsync/doctor/checks.h"

#include <fmt/format.h>

#include "dualsync/base/time_text.h"

namespace dualsync::doctor {
namespace {

using State = CheckOutcome::State;

constexpr std::uint32_t kPrivateMode = 0700;
constexpr std::int64_t kSkewMaxMs = 5'000;
constexpr std::int64_t kHour = 3600;

std::string named(Side side, std::string_view what) {
  return fmt::format("{}-{}", side == Side::kLocal ? "local" : "backup", what);
}

CheckOutcome from_error(std::string name, const Error& error, State state = State::kFailed) {
  return {std::move(name), state, error.message, error.hint};
}

}  // namespace

CheckOutcome skipped(const std::string& name, const std::string& why) { return {name, State::kSkipped, why, ""}; }

CheckOutcome check_settings(const Settings& settings) {
  if (!settings.warnings.empty()) {
    std::string all;
    for (const std::string& warning : settings.warnings) all += (all.empty() ? "" : "; ") + warning;
    return {"settings", State::kWarning, all, "docs/settings.md lists every setting"};
  }
  if (!settings.enabled) {
    return {"settings", State::kWarning, "SYNC_ENABLED is not true: `dualsync run` serves its API and mirrors nothing",
            "set SYNC_ENABLED=true"};
  }
  return {"settings", State::kOk, "every value is allowed", ""};
}

CheckOutcome check_data_dir(const DirectoryFacts& facts) {
  const std::string name = "data-directory";
  if (!facts.trouble.empty()) {
    return {name, State::kFailed, fmt::format("{} cannot be used: {}", facts.path, facts.trouble),
            "set SYNC_DATA_DIR to a directory that this user may write"};
  }
  if (!facts.exists) return {name, State::kOk, fmt::format("{} does not exist yet; `run` makes it", facts.path), ""};
  if ((facts.mode & ~kPrivateMode) != 0) {
    return {name, State::kWarning, fmt::format("{} is open to other users (mode {:o})", facts.path, facts.mode),
            fmt::format("chmod 700 {}", facts.path)};
  }
  return {name, State::kOk, fmt::format("{} is ours alone", facts.path), ""};
}

CheckOutcome check_disk(const DirectoryFacts& facts, std::uint64_t reserve) {
  const std::string name = "disk";
  const std::string free = human_bytes(facts.free_bytes) + " free";
  if (facts.free_bytes < reserve) {
    return {name, State::kFailed, fmt::format("{}, less than SYNC_DISK_RESERVE_BYTES ({})", free, human_bytes(reserve)),
            "free some space; until then documents are read again later instead of kept"};
  }
  if (facts.free_bytes < 2 * reserve) {
    return {name, State::kWarning, fmt::format("{}, not much more than SYNC_DISK_RESERVE_BYTES", free),
            "the queue has little room for an outage of the backup"};
  }
  return {name, State::kOk, free, ""};
}

CheckOutcome check_connection(Side side, const Result<ServerFacts>& facts, const std::string& hosts) {
  if (!facts) return from_error(named(side, "connection"), facts.error());
  return {named(side, "connection"), State::kOk,
          fmt::format("{}: MongoDB {}{}", hosts, facts->version, facts->is_mongos ? ", mongos" : ""), ""};
}

CheckOutcome check_version(Side side, const ServerFacts& facts) {
  const std::string name = named(side, "version");
  const std::string version = "MongoDB " + facts.version;
  if (!facts.at_least(4, 4))
    return {name, State::kFailed, version + " is too old", "dualsync needs 4.4 or newer on both sides"};
  if (side == Side::kLocal && !facts.at_least(6, 0)) {
    return {name, State::kWarning, version + ": its change streams tell of no index and no option that changes",
            "they are looked for every SYNC_DDL_POLL_INTERVAL instead; 6.0 or newer tells at once"};
  }
  if (facts.at_least(9, 0))
    return {name, State::kWarning, version + " is newer than any this was made for", "watch `dualsync verify`"};
  return {name, State::kOk, version, ""};
}

CheckOutcome check_replica_set(const ServerFacts& facts, const std::string& hosts) {
  const std::string name = "local-replica-set";
  if (facts.is_mongos) return {name, State::kOk, "a sharded cluster: it has change streams", ""};
  if (!facts.is_standalone()) return {name, State::kOk, "replica set " + facts.set_name, ""};
  return {
      name, State::kFailed, hosts + " is a standalone server: it has no change streams",
      "make it a replica set of one node: stop mongod; add `replication: {replSetName: rs0}` to mongod.conf (or "
      "--replSet rs0); start it; run `mongosh --eval 'rs.initiate()'` once. Data and applications stay as they are"};
}

CheckOutcome check_change_stream(const Result<void>& opened) {
  if (!opened) return from_error("local-change-stream", opened.error());
  return {"local-change-stream", State::kOk, "a change stream can be opened", ""};
}

CheckOutcome check_oplog(const Result<std::int64_t>& window_seconds, std::optional<double> lag) {
  const std::string name = "oplog-window";
  if (!window_seconds) {
    return {name, State::kWarning, "it is not known how far back the oplog reaches: " + window_seconds.error().message,
            "give the user of MONGODB_LOCAL_URI the right to read local.oplog.rs"};
  }
  const std::string reach = "the oplog reaches back " + human_duration(*window_seconds);
  if (lag && static_cast<double>(*window_seconds) < 2 * *lag) {
    return {name, State::kFailed,
            fmt::format("{}, and the daemon is {} behind", reach, human_duration(static_cast<std::int64_t>(*lag))),
            "make it larger now: db.adminCommand({replSetResizeOplog: 1, size: <MB>})"};
  }
  if (*window_seconds < kHour) {
    return {
        name, State::kWarning, reach + "; when dualsync is down for longer, everything is compared",
        "a young server has a short one; else db.adminCommand({replSetResizeOplog: 1, size: <MB>}) makes it larger"};
  }
  return {name, State::kOk, reach, ""};
}

CheckOutcome check_clock(Side side, const Result<std::int64_t>& server_ms, std::int64_t our_ms) {
  const std::string name = named(side, "clock");
  if (!server_ms) return from_error(name, server_ms.error(), State::kSkipped);
  const std::int64_t skew = *server_ms - our_ms;
  const std::string text = fmt::format("{:.1f} s {} of this machine's", std::abs(static_cast<double>(skew)) / 1000,
                                       skew < 0 ? "behind" : "ahead");
  if (std::abs(skew) > kSkewMaxMs) {
    return {name, State::kWarning, "its clock is " + text,
            "nothing is lost, but lag and RPO are shown wrong by as much: set both clocks by NTP"};
  }
  return {name, State::kOk, "its clock is " + text, ""};
}

CheckOutcome check_tier(const Result<TierFacts>& facts) {
  const std::string name = "atlas-tier";
  if (!facts) return from_error(name, facts.error(), State::kSkipped);
  constexpr std::uint64_t kFree = 512ULL << 20U;
  constexpr std::uint64_t kFlex = 5ULL << 30U;
  constexpr std::uint64_t kCollections = 500;
  const std::string size =
      fmt::format("{} in {} collections", human_bytes(facts->local.bytes), human_count(facts->local.collections));
  if (!facts->atlas && !facts->shared_tier) return {name, State::kOk, "not Atlas: no limits of a tier; " + size, ""};
  const bool too_large = facts->local.bytes > kFree;
  const bool too_many = facts->local.collections > kCollections;
  if (facts->shared_tier) {
    if (facts->local.bytes > kFlex || too_many || !facts->long_names.empty()) {
      std::string hint =
          "M0 and Flex take 500 collections and 0.5 or 5 GB; choose M10 or larger, or leave collections out "
          "with SYNC_EXCLUDED_COLLECTIONS";
      if (!facts->long_names.empty()) hint += "; names that are too long there: " + facts->long_names.front();
      return {name, State::kFailed, "this is a shared tier, and local does not fit it: " + size, hint};
    }
    if (too_large) {
      return {name, State::kWarning, "this is a shared tier, and local fits Flex only: " + size,
              "M0 has 0.5 GB, documents and indexes before compression; when it is full, the mirror waits"};
    }
    return {name, State::kOk, "a shared tier (M0 or Flex); local fits: " + size, ""};
  }
  if (too_large || too_many) {
    return {name, State::kWarning, "local is larger than what Atlas' M0 takes: " + size,
            "fine for M10 and larger, which this seems to be"};
  }
  return {name, State::kOk, size, ""};
}

CheckOutcome check_lease(const Result<std::optional<LeaseRecord>>& lease, const std::string& host,
                         const std::string& data_dir) {
  const std::string name = "lease";
  if (!lease) return from_error(name, lease.error(), State::kSkipped);
  if (!*lease || !(*lease)->held()) return {name, State::kOk, "nobody writes to the backup", ""};
  const LeaseHolder& holder = (*lease)->holder;
  const std::string who = fmt::format("process {} on {}, data directory {}, since {}", holder.pid, holder.host,
                                      holder.data_dir, iso8601(holder.since_ms));
  if (holder.host == host && holder.data_dir == data_dir) return {name, State::kOk, "ours: " + who, ""};
  return {name, State::kWarning, "another one writes to this backup, or did last: " + who,
          "if it runs, this one will be refused; one that is gone gives way after SYNC_LEASE_SECONDS"};
}

CheckOutcome check_identity(const Result<std::optional<LocalIdentity>>& known, const Result<FoundLocal>& found) {
  const std::string name = "local-identity";
  if (!known) return from_error(name, known.error(), State::kSkipped);
  if (!found) return from_error(name, found.error(), State::kSkipped);
  if (!*known) return {name, State::kOk, "the backup belongs to no local yet", ""};
  if (const auto why = why_not_same(**known, *found)) {
    return {name, State::kFailed, "this local is not the one that the backup belongs to: " + *why,
            "bring the right local back, or `dualsync restore` this one from the backup; if this local is right, "
            "`dualsync adopt-local` takes it"};
  }
  return {name, State::kOk, "the one that the backup belongs to", ""};
}

CheckOutcome check_daemon(const DaemonFacts& facts) {
  const std::string name = "daemon";
  if (!facts.answers) {
    return {name, State::kWarning, "no daemon answers at " + facts.address,
            "`dualsync run` starts it; as the daemon's user, with the same settings, this command finds it"};
  }
  if (!facts.error.empty()) return {name, State::kWarning, facts.error, "is that a dualsync of this version?"};
  std::string reasons;
  for (const std::string& reason : facts.reasons) reasons += (reasons.empty() ? ": " : "; ") + reason;
  const std::string text = fmt::format("{} at {}{}", facts.verdict, facts.address, reasons);
  if (facts.verdict == "healthy") return {name, State::kOk, text, ""};
  return {name, facts.verdict == "unhealthy" ? State::kFailed : State::kWarning, text,
          "`dualsync status` says what to do about each"};
}

}  // namespace dualsync::doctor
