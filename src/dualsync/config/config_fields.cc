#include "dualsync/config/config_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/base/redact.h"
#include "dualsync/config/config_parse.h"

namespace dualsync {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kBytesMax = std::int64_t{1} << 50U;
constexpr std::int64_t kTextMax = 8192;  // no URI, list or map that a person writes is longer

using S = Settings;

constexpr Field kFields[] = {
    {.env = "SYNC_ENABLED",
     .flag = "--enabled",
     .target = &S::enabled,
     .default_text = "false",
     .help = "Mirror local to the backup; with anything but `true` the daemon serves its API and touches nothing",
     .lenient = true},
    {.env = "MONGODB_LOCAL_URI",
     .flag = "--local-uri",
     .target = &S::local_uri,
     .default_text = "mongodb://localhost:27017/bomba",
     .help = "The local MongoDB; the database it names is what is mirrored, without one all databases are",
     .max = kTextMax,
     .rule = TextRule::kMongoUri,
     .privacy = Privacy::kUri},
    {.env = "MONGODB_ATLAS_URI",
     .flag = "--atlas-uri",
     .target = &S::atlas_uri,
     .default_text = "",
     .help = "The backup; required by `run` with SYNC_ENABLED=true and by `verify`. The database it names, if any, is "
             "where local's database goes",
     .max = kTextMax,
     .rule = TextRule::kMongoUri,
     .privacy = Privacy::kUri},
    {.env = "SYNC_QUEUE_MAX_SIZE",
     .flag = "--queue-max-size",
     .target = &S::queue_max_size,
     .default_text = "10000",
     .help = "Operations kept in memory; the rest of the queue stays on disk",
     .min = 1,
     .max = 10'000'000},
    {.env = "SYNC_WORKER_INTERVAL",
     .flag = "--worker-interval",
     .target = &S::worker_interval,
     .default_text = "100",
     .help = "Longest sleep of an idle lane; it wakes at once when there is work",
     .min = 1,
     .max = 60 * kSecond,
     .unit = "ms"},
    {.env = "SYNC_MAX_RETRIES",
     .flag = "--max-retries",
     .target = &S::max_retries,
     .default_text = "5",
     .help = "Tries again of an operation that the backup refuses, before it becomes a dead letter",
     .min = 0,
     .max = 1000},
    {.env = "SYNC_PERSIST_QUEUE",
     .flag = "--persist-queue",
     .target = &S::persist_queue,
     .default_text = "true",
     .help = "Keep the queue on disk; with `false` it lies in memory (bounded by SYNC_QUEUE_MAX_BYTES, or 128 MiB), "
             "and after "
             "a restart what was lost is read again from local's oplog, or compared where that no longer reaches"},
    {.env = "SYNC_EXCLUDED_COLLECTIONS",
     .flag = "--excluded-collections",
     .target = &S::excluded_collections,
     .default_text = "",
     .help = "Collections not to mirror; wins over SYNC_INCLUDED_COLLECTIONS",
     .max = kTextMax},
    {.env = "SYNC_INCLUDED_COLLECTIONS",
     .flag = "--included-collections",
     .target = &S::included_collections,
     .default_text = "",
     .help = "Mirror only these collections; empty: all",
     .max = kTextMax},
    {.env = "SYNC_BATCH_SIZE",
     .flag = "--batch-size",
     .target = &S::batch_size,
     .default_text = "100",
     .help = "Operations of the first batch; later ones adapt",
     .min = 1,
     .max = 100'000},
    {.env = "SYNC_BATCH_MAX",
     .flag = "--batch-max",
     .target = &S::batch_max,
     .default_text = "10000",
     .help = "Most operations of a batch; 100,000 is MongoDB's own limit",
     .min = 1,
     .max = 100'000},
    {.env = "SYNC_MAX_OPS_PER_SECOND",
     .flag = "--max-ops-per-second",
     .target = &S::operations_per_second,
     .default_text = "0",
     .help = "Most operations that are sent to the backup in a second; 0: no limit",
     .min = 0,
     .max = 10'000'000},
    {.env = "SYNC_MAX_BYTES_PER_SECOND",
     .flag = "--max-bytes-per-second",
     .target = &S::bytes_per_second,
     .default_text = "0",
     .help = "Most bytes that are sent to the backup in a second, before compression; 0: no limit",
     .min = 0,
     .max = 4'000'000'000},
    {.env = "SYNC_LANES",
     .flag = "--lanes",
     .target = &S::lanes,
     .default_text = "4",
     .help = "Threads that write to the backup, each with its own connection",
     .min = 1,
     .max = 64},
    {.env = "SYNC_DATA_DIR",
     .flag = "--data-dir",
     .target = &S::data_dir,
     .default_text = "./data",
     .help = "Directory of the queue and of all state; one process at a time owns it",
     .max = kTextMax,
     .rule = TextRule::kPath,
     .audience = Audience::kEveryCommand},
    {.env = "SYNC_DATA_DIR_FALLBACK",
     .flag = "--data-dir-fallback",
     .target = &S::data_dir_fallback,
     .default_text = "",
     .help = "Directory to use instead while SYNC_DATA_DIR cannot be written; everything is compared again there",
     .max = kTextMax,
     .rule = TextRule::kPath},
    {.env = "SYNC_QUEUE_MAX_BYTES",
     .flag = "--queue-max-bytes",
     .target = &S::queue_max_bytes,
     .default_text = "0",
     .help = "Most bytes of waiting operations, 0 for no bound; over it documents are read again later instead of kept",
     .max = kBytesMax},
    {.env = "SYNC_DISK_RESERVE_BYTES",
     .flag = "--disk-reserve-bytes",
     .target = &S::disk_reserve_bytes,
     .default_text = "512MiB",
     .help =
         "Left free on the file system of SYNC_DATA_DIR; with less, the queue gives up what it can read again later",
     .max = kBytesMax},
    {.env = "SYNC_HTTP_LISTEN",
     .flag = "--http-listen",
     .target = &S::http_listen,
     .default_text = "127.0.0.1:8787",
     .help = "Where the API listens; port 0 takes any free one",
     .audience = Audience::kEveryCommand},
    {.env = "SYNC_DATABASE_MAP",
     .flag = "--database-map",
     .target = &S::database_map,
     .default_text = "",
     .help = "Names of databases on the backup that differ from local's; for several sites in one cluster",
     .max = kTextMax},
    {.env = "SYNC_ON_DROP",
     .flag = "--on-drop",
     .target = &S::on_drop,
     .default_text = "archive",
     .help = "What a drop on local does to the backup: rename the collection, drop it too, or leave it",
     .choices = "archive|mirror|keep"},
    {.env = "SYNC_DROP_RETENTION",
     .flag = "--drop-retention",
     .target = &S::drop_retention,
     .default_text = "720h",
     .help = "How long the backup keeps the archive of a dropped collection; 0: for ever",
     .max = 3660 * 24 * kHour,
     .unit = "s"},
    {.env = "SYNC_MASS_DELETE_PERCENT",
     .flag = "--mass-delete-percent",
     .target = &S::mass_delete_percent,
     .default_text = "50",
     .help = "If more of a collection of at least 1000 documents is deleted within five minutes, the backup keeps them "
             "until `dualsync release` or `dualsync discard` decides (docs/guard.md); 0: deletes are never held",
     .max = 100},
    {.env = "SYNC_ORDERING",
     .flag = "--ordering",
     .target = &S::ordering,
     .default_text = "document",
     .help = "What order the backup keeps: each document's own (merged, in parallel), or with `strict` local's order "
             "across everything (one lane, slower; wants post-images, see docs/adr/0006-strict-ordering.md)",
     .choices = "document|strict"},
    {.env = "SYNC_VERIFY_INTERVAL",
     .flag = "--verify-interval",
     .target = &S::verify_interval,
     .default_text = "1h",
     .help = "How often the daemon compares all of local with the backup, byte for byte, and repairs what differs; the "
             "first time so long after the first copy; 0: only when it is asked to (POST /api/sync/verify)",
     .max = 366 * 24 * kHour,
     .unit = "s"},
    {.env = "SYNC_DRILL_INTERVAL",
     .flag = "--drill-interval",
     .target = &S::drill_interval,
     .default_text = "0",
     .help = "How often the daemon restores the backup into scratch databases on local, to prove that it can be; 0: "
             "never",
     .max = 366 * 24 * kHour,
     .unit = "s"},
    {.env = "SYNC_DRILL_BYTES_PER_SECOND",
     .flag = "--drill-bytes-per-second",
     .target = &S::drill_bytes_per_second,
     .default_text = "16MiB",
     .help = "Most bytes that a drill writes to its scratch databases in a second, so that the application does not "
             "feel it; 0: no limit",
     .max = kBytesMax},
    {.env = "SYNC_SHUTDOWN_TIMEOUT",
     .flag = "--shutdown-timeout",
     .target = &S::shutdown_timeout,
     .default_text = "10",
     .help = "Longest time that SIGTERM lets the lanes go on sending",
     .min = 0,
     .max = kHour,
     .unit = "s"},
    {.env = "SYNC_CONNECT_TIMEOUT",
     .flag = "--connect-timeout",
     .target = &S::connect_timeout,
     .default_text = "10",
     .help = "Longest wait for a server to answer at the start",
     .min = 100,
     .max = kHour,
     .unit = "s"},
    {.env = "SYNC_LEASE_SECONDS",
     .flag = "--lease-seconds",
     .target = &S::lease,
     .default_text = "60",
     .help = "How long a daemon that stands still keeps the right to write to the backup; another one takes over after "
             "about twice that",
     .min = 2 * kSecond,
     .max = kHour,
     .unit = "s"},
    {.env = "SYNC_API_TOKEN",
     .flag = "",
     .target = &S::api_token,
     .default_text = "",
     .help = "Bearer token of the API; without one, `run` makes one and keeps it in the data directory (`api-token`)",
     .min = 8,
     .max = 512,
     .rule = TextRule::kToken,
     .privacy = Privacy::kSecret},
    {.env = "SYNC_ALERT_URL",
     .flag = "",
     .target = &S::alert_url,
     .default_text = "",
     .help = "Where every alert is sent by POST as JSON (docs/alerts.md); empty: nowhere",
     .max = kTextMax,
     .rule = TextRule::kWebUrl,
     .privacy = Privacy::kSecret},
    {.env = "SYNC_HEARTBEAT_URL",
     .flag = "",
     .target = &S::heartbeat_url,
     .default_text = "",
     .help = "Fetched once a minute while the mirror is healthy, for a dead-man switch; empty: none",
     .max = kTextMax,
     .rule = TextRule::kWebUrl,
     .privacy = Privacy::kSecret},
    {.env = "SYNC_ALLOW_INSECURE_BACKUP",
     .flag = "--allow-insecure-backup",
     .target = &S::allow_insecure_backup,
     .default_text = "false",
     .help = "Accept a backup that is not on this machine without checked TLS"},
    {.env = "SYNC_COPY_THREADS",
     .flag = "--copy-threads",
     .target = &S::copy_threads,
     .default_text = "2",
     .help = "Threads that read local for the first copy and for comparisons",
     .min = 1,
     .max = 32},
    {.env = "SYNC_LOG_LEVEL",
     .flag = "--log-level",
     .target = &S::log_level,
     .default_text = "info",
     .help = "Least important log lines to write",
     .choices = "debug|info|warn|error"},
    {.env = "SYNC_LOG_FORMAT",
     .flag = "--log-format",
     .target = &S::log_format,
     .default_text = "json",
     .help = "One JSON object per line, or plain text for people",
     .choices = "json|text"},
};

struct Allowed {
  const Field& field;

  std::string operator()(bool Settings::*) const { return "true or false"; }
  std::string operator()(std::uint32_t Settings::*) const {
    return fmt::format("a whole number from {} to {}", field.min, field.max);
  }
  std::string operator()(std::uint64_t Settings::*) const {
    return "a whole number of bytes, or with KiB, MiB, GiB or TiB behind it";
  }
  std::string operator()(std::chrono::milliseconds Settings::*) const {
    return fmt::format("a duration from {} to {}: a whole number of {}, or with ms, s, m or h behind it",
                       duration_text(field.min), duration_text(field.max),
                       field.unit == "ms" ? "milliseconds" : "seconds");
  }
  std::string operator()(std::string Settings::*) const {
    switch (field.rule) {
      case TextRule::kMongoUri: return "mongodb://host[:port][/database] or mongodb+srv://host[/database]";
      case TextRule::kToken:
        return fmt::format("{} to {} visible ASCII characters without spaces", field.min, field.max);
      case TextRule::kWebUrl: return "http://host[:port][/path] or https://host[:port][/path]";
      case TextRule::kPath: return "the path of a directory";
      case TextRule::kNone: break;
    }
    return "a text";
  }
  std::string operator()(std::vector<std::string> Settings::*) const {
    return "a comma list of `name` or `db.name`, `*` stands for any characters";
  }
  std::string operator()(std::map<std::string, std::string> Settings::*) const {
    return "a comma list of local=backup, each database once on either side";
  }
  std::string operator()(ListenAddress Settings::*) const {
    return "host:port with a port from 0 to 65535, IPv6 in brackets";
  }
  std::string operator()(OnDrop Settings::*) const { return one_of(); }
  std::string operator()(Ordering Settings::*) const { return one_of(); }
  std::string operator()(log::Level Settings::*) const { return one_of(); }
  std::string operator()(log::Format Settings::*) const { return one_of(); }

  std::string one_of() const {
    std::string text = "one of ";
    for (const char c : field.choices) text += c == '|' ? std::string(", ") : std::string(1, c);
    return text;
  }
};

struct ValueName {
  const Field& field;

  std::string operator()(bool Settings::*) const { return "true|false"; }
  std::string operator()(std::uint32_t Settings::*) const { return "NUMBER"; }
  std::string operator()(std::uint64_t Settings::*) const { return "BYTES"; }
  std::string operator()(std::chrono::milliseconds Settings::*) const {
    return fmt::format("DURATION[{}]", field.unit);
  }
  std::string operator()(std::string Settings::*) const {
    return field.rule == TextRule::kMongoUri ? "URI" : field.rule == TextRule::kPath ? "DIR" : "TEXT";
  }
  std::string operator()(std::vector<std::string> Settings::*) const { return "LIST"; }
  std::string operator()(std::map<std::string, std::string> Settings::*) const { return "LOCAL=BACKUP,..."; }
  std::string operator()(ListenAddress Settings::*) const { return "HOST:PORT"; }
  std::string operator()(OnDrop Settings::*) const { return std::string(field.choices); }
  std::string operator()(Ordering Settings::*) const { return std::string(field.choices); }
  std::string operator()(log::Level Settings::*) const { return std::string(field.choices); }
  std::string operator()(log::Format Settings::*) const { return std::string(field.choices); }
};

}  // namespace

std::span<const Field> config_fields() { return kFields; }

const Field* find_field(std::string_view env) {
  const std::span<const Field> fields = config_fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.env == env; });
  return found == fields.end() ? nullptr : &*found;
}

std::string allowed_text(const Field& field) { return std::visit(Allowed{field}, field.target); }

std::string value_name(const Field& field) { return std::visit(ValueName{field}, field.target); }

std::string shown_value(const Field& field, std::string_view value) {
  constexpr std::size_t kShownMax = 200;
  if (field.privacy == Privacy::kSecret) return "***";
  // A text that is no URI may be a password pasted into the wrong place, and behind a space or a quote it may go on:
  // nothing in it can be told apart.
  const bool one_word = std::none_of(
      value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\''; });
  if (field.privacy == Privacy::kUri && (value.find("://") == std::string_view::npos || !one_word)) return "***";
  // Nor can a URI without its slashes that was pasted into another setting; none of those has an @ in it.
  if (value.find('@') != std::string_view::npos && value.find("://") == std::string_view::npos) return "***";
  std::string text = redact(value);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > kShownMax) text = text.substr(0, kShownMax) + "...";
  return text;
}

}  // namespace dualsync
