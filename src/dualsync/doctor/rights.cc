// check_local_rights() and check_backup_rights(); docs/roles.md lists the roles that give these rights.
#include <fmt/format.h>

#include <array>

#include "dualsync/doctor/checks.h"

namespace dualsync::doctor {
namespace {

using State = CheckOutcome::State;

constexpr std::string_view kOwnDatabase = "dualsync";
constexpr std::array<std::string_view, 5> kReads = {"find", "changeStream", "listCollections", "listIndexes",
                                                    "collStats"};
constexpr std::array<std::string_view, 10> kWrites = {"find",        "insert",           "update",         "remove",
                                                      "createIndex", "createCollection", "dropCollection", "dropIndex",
                                                      "listIndexes", "listCollections"};
// Without these the mirror goes on, but not with everything.
constexpr std::array<std::string_view, 2> kBetter = {"collMod", "bypassDocumentValidation"};
constexpr std::array<std::string_view, 3> kOwnRights = {"find", "insert", "update"};

class Missing {
 public:
  explicit Missing(const Privileges& rights) : rights_(rights) {}

  template <std::size_t N>
  void need(const std::vector<std::string>& databases, const std::array<std::string_view, N>& actions) {
    for (const std::string_view action : actions) {
      if (databases.empty() && !rights_.allows_everywhere(action)) add(action, "all databases");
      for (const std::string& db : databases) {
        if (!rights_.allows(db, action)) add(action, db);
      }
    }
  }
  void add(std::string_view action, std::string_view where) {
    text_ += fmt::format("{}{} on {}", text_.empty() ? "" : ", ", action, where);
  }
  const std::string& text() const { return text_; }

 private:
  const Privileges& rights_;
  std::string text_;
};

// What is said where everything is allowed, or nothing is known.
std::string without_finding(const Privileges& rights) {
  if (!rights.known()) return "no user is logged in: the server lets everybody do everything, or does not tell";
  return fmt::format("user {} may do what is needed", rights.user());
}

}  // namespace

CheckOutcome check_local_rights(const Result<Privileges>& rights, const std::vector<std::string>& databases) {
  const std::string name = "local-rights";
  if (!rights) return {name, State::kSkipped, rights.error().message, rights.error().hint};
  Missing missing(*rights);
  missing.need(databases, kReads);
  if (!missing.text().empty()) {
    return {name, State::kFailed, fmt::format("user {} may not: {}", rights->user(), missing.text()),
            databases.empty() ? "grant readAnyDatabase and clusterMonitor on admin"
                              : "grant read on the database, and clusterMonitor on admin for the oplog's figures"};
  }
  Missing own(*rights);
  own.need({std::string(kOwnDatabase)}, kOwnRights);
  if (!own.text().empty()) {
    return {
        name, State::kWarning, fmt::format("user {} may not: {}", rights->user(), own.text()),
        "grant readWrite on the database dualsync of local: without our marker there, an older copy of local cannot "
        "be told from this one"};
  }
  return {name, State::kOk, without_finding(*rights), ""};
}

CheckOutcome check_backup_rights(const Result<Privileges>& rights, const std::vector<std::string>& databases) {
  const std::string name = "backup-rights";
  if (!rights) return {name, State::kSkipped, rights.error().message, rights.error().hint};
  Missing missing(*rights);
  missing.need(databases, kWrites);
  if (!missing.text().empty()) {
    return {name, State::kFailed, fmt::format("user {} may not: {}", rights->user(), missing.text()),
            databases.empty()
                ? "grant readWriteAnyDatabase and dbAdminAnyDatabase (Atlas: readWriteAnyDatabase, or Atlas "
                  "admin)"
                : "grant readWrite and dbAdmin on the database"};
  }
  Missing rest(*rights);
  rest.need(databases, kBetter);
  if (!rest.text().empty()) {
    return {
        name, State::kWarning, fmt::format("user {} may not: {}", rights->user(), rest.text()),
        "validators and other options do not follow, and documents that local took under an older validator may become "
        "dead letters: grant dbAdmin on the database (dbAdminAnyDatabase for all)"};
  }
  return {name, State::kOk, without_finding(*rights), ""};
}

}  // namespace dualsync::doctor
