#include "dualsync/app/doctor_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "dualsync/base/clock.h"
#include "dualsync/base/host.h"
#include "dualsync/base/log.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/doctor/checks.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/mongo/uri_check.h"
#include "dualsync/pipeline/mirrored_databases.h"
#include "dualsync/service/component_options.h"
#include "dualsync/service/mongo_sides.h"

namespace dualsync {
namespace {

using doctor::Side;
using Checks = std::vector<CheckOutcome>;

doctor::DirectoryFacts look_at(const std::string& directory) {
  namespace fs = std::filesystem;
  doctor::DirectoryFacts facts;
  std::error_code failure;
  const fs::path absolute = fs::absolute(directory, failure);
  facts.path = failure ? directory : absolute.lexically_normal().string();
  struct stat info {};
  facts.exists = ::stat(facts.path.c_str(), &info) == 0;
  facts.mode = facts.exists ? info.st_mode & 07777 : 0;
  // What does not exist yet is made in the nearest directory that does.
  fs::path there = facts.path;
  while (!fs::exists(there, failure) && there.has_relative_path()) there = there.parent_path();
  if (facts.exists && !S_ISDIR(info.st_mode)) {
    facts.trouble = "it is not a directory";
  } else if (::access(there.c_str(), R_OK | W_OK | X_OK) != 0) {
    facts.trouble = std::generic_category().message(errno);
  }
  const fs::space_info space = fs::space(there, failure);
  if (!failure) facts.free_bytes = space.available;
  return facts;
}

struct DaemonSeen {
  doctor::DaemonFacts facts;
  std::optional<double> rpo;
};

DaemonSeen look_at_daemon(const Settings& settings) {
  DaemonSeen seen;
  const ApiClient client(settings);
  seen.facts.address = client.address().to_string();
  const auto answer = client.get("/api/sync/health");
  if (!answer) {
    seen.facts.answers = answer.error().kind != ErrorKind::kConnectivity;
    seen.facts.error = answer.error().message;
    return seen;
  }
  seen.facts.answers = true;
  try {
    seen.facts.verdict = answer->body.at("status").get<std::string>();
    seen.rpo = answer->body.at("rpoSeconds").get<double>();
    for (const auto& reason : answer->body.at("reasons"))
      seen.facts.reasons.push_back(reason.at("message").get<std::string>());
  } catch (const nlohmann::ordered_json::exception& error) {
    seen.facts.error = std::string("its answer is not understood: ") + error.what();
  }
  return seen;
}

// The databases of one side that are mirrored; empty: all that there are.
std::vector<std::string> databases_of(const Sides& sides, Side side) {
  const std::string db = sides.scope.single_database();
  if (db.empty()) return {};
  return {side == Side::kLocal ? db : sides.scope.backup_database(db)};
}

Result<void> try_change_stream(MongoLocal& local) {
  const auto source = local.make_change_source();
  auto opened = source->open({});
  source->close();
  if (!opened) return opened.error();
  return {};
}

Checks look_at_local(const Settings& settings, const Sides& sides, std::optional<double> lag) {
  Checks checks;
  MongoLocal& local = *sides.local;
  const auto facts = local.deployment().probe(settings.connect_timeout);
  checks.push_back(doctor::check_connection(Side::kLocal, facts, local.deployment().hosts()));
  if (!facts) return checks;
  checks.push_back(doctor::check_version(Side::kLocal, *facts));
  checks.push_back(doctor::check_replica_set(*facts, local.deployment().hosts()));
  const auto probe = local.deployment().make_server_probe();
  checks.push_back(doctor::check_local_rights(probe->privileges(), databases_of(sides, Side::kLocal)));
  checks.push_back(facts->is_standalone() ? doctor::skipped("local-change-stream", "local is a standalone server")
                                          : doctor::check_change_stream(try_change_stream(local)));
  checks.push_back(facts->is_standalone() || facts->is_mongos
                       ? doctor::skipped("oplog-window", "this kind of server does not tell")
                       : doctor::check_oplog(local.make_reader()->oplog_window_seconds(), lag));
  checks.push_back(doctor::check_clock(Side::kLocal, probe->unix_ms(), system_clock().unix_ms()));
  return checks;
}

Result<DatabaseSize> size_of_local(const Sides& sides, std::vector<std::string>* long_names) {
  const auto reader = sides.local->make_reader();
  const auto probe = sides.local->deployment().make_server_probe();
  const auto databases = mirrored_databases(*reader, sides.scope);
  if (!databases) return databases.error();
  DatabaseSize sum;
  for (const std::string& db : *databases) {
    const auto size = probe->size(db);
    if (!size) return size.error();
    sum.bytes += size->bytes;
    sum.collections += size->collections;
    if (sides.scope.backup_database(db).size() > doctor::kTierDatabaseNameMax) long_names->push_back(db);
    const auto collections = reader->list_collections(db);
    if (!collections) return collections.error();
    for (const CollectionInfo& one : *collections) {
      if (sides.scope.contains(one.ns) && sides.scope.to_backup(one.ns).full().size() > doctor::kTierNamespaceMax)
        long_names->push_back(one.ns.full());
    }
  }
  return sum;
}

Result<doctor::TierFacts> look_at_tier(const Sides& sides) {
  doctor::TierFacts facts;
  facts.atlas = sides.backup->deployment().hosts().find(".mongodb.net") != std::string::npos;
  const auto shared = sides.backup->deployment().make_server_probe()->is_shared_tier();
  if (!shared) return shared.error();
  facts.shared_tier = *shared;
  const auto size = size_of_local(sides, &facts.long_names);
  if (!size) return size.error().in("size of local");
  facts.local = *size;
  return facts;
}

Checks look_at_backup(const Settings& settings, const Sides& sides) {
  Checks checks;
  const Deployment& backup = sides.backup->deployment();
  const auto facts = backup.probe(settings.connect_timeout);
  checks.push_back(doctor::check_connection(Side::kBackup, facts, backup.hosts()));
  if (!facts) return checks;
  checks.push_back(doctor::check_version(Side::kBackup, *facts));
  const auto probe = backup.make_server_probe();
  checks.push_back(doctor::check_backup_rights(probe->privileges(), databases_of(sides, Side::kBackup)));
  checks.push_back(doctor::check_clock(Side::kBackup, probe->unix_ms(), system_clock().unix_ms()));
  std::error_code failure;
  const auto data_dir = std::filesystem::canonical(settings.data_dir, failure);
  const auto state = backup.make_backup_state(sides.backup->state_database());
  checks.push_back(
      doctor::check_lease(state->read_lease(), host_name(), failure ? settings.data_dir : data_dir.string()));
  return checks;
}

// What takes both servers.
Checks look_at_both(const Sides& sides) {
  const auto state = sides.backup->deployment().make_backup_state(sides.backup->state_database());
  return {doctor::check_identity(state->read_identity(), sides.local->deployment().make_local_probe()->identify()),
          doctor::check_tier(look_at_tier(sides))};
}

bool reached(const Checks& checks) { return checks.size() > 1; }

}  // namespace

DoctorReport run_doctor(const Settings& settings) {
  log::configure(log::Level::kOff, settings.log_format);
  const MongocLibrary library;
  DoctorReport report;
  report.checks.push_back(doctor::check_settings(settings));
  const auto directory = look_at(settings.data_dir);
  report.checks.push_back(doctor::check_data_dir(directory));
  report.checks.push_back(doctor::check_disk(directory, settings.disk_reserve_bytes));
  const DaemonSeen daemon = look_at_daemon(settings);
  report.checks.push_back(doctor::check_daemon(daemon.facts));
  const auto sides = open_sides(settings, {settings.connect_timeout, {}});
  if (!sides) {
    report.checks.push_back({"connections", CheckOutcome::State::kFailed, sides.error().message, sides.error().hint});
    return report;
  }
  Checks backup;
  Checks local;
  {
    const std::jthread other([&] { backup = look_at_backup(settings, *sides); });
    local = look_at_local(settings, *sides, daemon.rpo);
  }
  const bool both_reached = reached(local) && reached(backup);
  const auto append = [&](Checks&& more) {
    report.checks.insert(report.checks.end(), std::make_move_iterator(more.begin()),
                         std::make_move_iterator(more.end()));
  };
  append(std::move(local));
  append(std::move(backup));
  if (both_reached) {
    append(look_at_both(*sides));
  } else {
    append(
        {doctor::skipped("local-identity", "needs both servers"), doctor::skipped("atlas-tier", "needs both servers")});
  }
  return report;
}

}  // namespace dualsync
