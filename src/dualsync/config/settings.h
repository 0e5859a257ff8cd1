// Settings: everything a person can choose, typed. Made by load_settings(); the table behind it is config_fields.cc.
//
// Threads  immutable after loading; any
// Errors   none; a Settings that load_settings() returned is within all bounds
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dualsync/base/log.h"
#include "dualsync/base/result.h"
#include "dualsync/model/on_drop.h"
#include "dualsync/model/ordering.h"

namespace dualsync {

struct ListenAddress {
  std::string host;        // a name or an address; IPv6 without brackets
  std::uint16_t port = 0;  // 0: any free one

  std::string to_string() const;  // 127.0.0.1:8787, [::1]:8787
  bool is_loopback() const;
  bool operator==(const ListenAddress&) const = default;
};

struct Settings {
  bool enabled = false;
  std::string local_uri;
  std::string atlas_uri;  // empty: not set
  std::uint32_t queue_max_size = 0;
  std::chrono::milliseconds worker_interval{};
  std::uint32_t max_retries = 0;
  bool persist_queue = true;
  std::vector<std::string> excluded_collections;
  std::vector<std::string> included_collections;
  std::uint32_t batch_size = 0;
  std::uint32_t batch_max = 0;
  std::uint32_t operations_per_second = 0;
  std::uint32_t bytes_per_second = 0;
  std::uint32_t lanes = 0;
  std::string data_dir;
  std::string data_dir_fallback;      // empty: none
  std::uint64_t queue_max_bytes = 0;  // 0: no bound
  std::uint64_t disk_reserve_bytes = 0;
  ListenAddress http_listen;
  std::map<std::string, std::string> database_map;  // local -> backup
  OnDrop on_drop = OnDrop::kArchive;
  std::uint32_t mass_delete_percent = 50;      // of a collection; 0: nothing is guarded
  std::chrono::milliseconds drop_retention{};  // 0: for ever
  Ordering ordering = Ordering::kDocument;
  std::chrono::milliseconds verify_interval{};       // 0: off
  std::chrono::milliseconds full_verify_interval{};  // 0: each comparison is a full one
  std::chrono::milliseconds drill_interval{};        // 0: off
  std::chrono::milliseconds canary_interval{};       // 0: off
  std::chrono::milliseconds ddl_poll_interval{};     // 0: at the start only; only where local is older than 6.0
  std::chrono::milliseconds reconcile_interval{};    // 0: off; only without a change stream
  std::uint64_t drill_bytes_per_second = 0;          // 0: no limit
  std::chrono::milliseconds shutdown_timeout{};
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds lease{};
  std::string alert_url;      // http or https; empty: none
  std::string heartbeat_url;  // the same
  std::string api_token;      // empty: the one in the data directory
  bool allow_insecure_backup = false;
  std::uint32_t copy_threads = 0;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kJson;

  // Not errors, but worth telling: unknown names in .env, a password on the command line. Without credentials.
  std::vector<std::string> warnings;
};

// `host:port` with IPv6 in brackets. kInvalidArgument.
Result<ListenAddress> parse_listen_address(std::string_view text);

// Whoever is about to open the backup asks this first. kInvalidArgument: MONGODB_ATLAS_URI is not set.
Result<void> require_backup(const Settings& settings);

}  // namespace dualsync
