#include "dualsync/mongo/uri_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include "dualsync/base/redact.h"
#include "dualsync/mongo/mongoc_raii.h"

namespace dualsync {
namespace {

constexpr std::array<const char*, 3> kInsecureOptions = {MONGOC_URI_TLSINSECURE, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES,
                                                         MONGOC_URI_TLSALLOWINVALIDHOSTNAMES};
// Files that libmongoc opens with every connection; without them it says only "connection error".
constexpr std::array<const char*, 2> kFileOptions = {"tlsCAFile", "tlsCertificateKeyFile"};
// Databases that MongoDB keeps for itself. As the path of a URI, `admin` usually means the authentication database.
constexpr std::array<std::string_view, 3> kServerDatabases = {"admin", "local", "config"};

Error bad_uri(const UriRules& rules, std::string message, std::string hint) {
  return {ErrorKind::kInvalidArgument, fmt::format("{}: {}", rules.name, message), std::move(hint), 0};
}

// Host names without user and password, and whether all of them are this machine.
void read_hosts(const mongoc_uri_t& uri, CheckedUri* checked) {
  if (const char* service = mongoc_uri_get_srv_hostname(&uri); service != nullptr) {
    checked->srv = true;
    checked->hosts = service;
    return;
  }
  checked->all_loopback = true;
  for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(&uri); host != nullptr; host = host->next) {
    if (!checked->hosts.empty()) checked->hosts += ',';
    checked->hosts += host->host_and_port;
    if (!is_loopback_host(host->host)) checked->all_loopback = false;
  }
}

std::optional<Error> unreadable_file(const mongoc_uri_t& uri, const UriRules& rules) {
  for (const char* option : kFileOptions) {
    const char* path = mongoc_uri_get_option_as_utf8(&uri, option, nullptr);
    if (path == nullptr || ::access(path, R_OK) == 0) continue;
    return bad_uri(rules,
                   fmt::format("the file `{}` of {} cannot be read: {}", redact(path), option,
                               std::generic_category().message(errno)),
                   "Name a PEM file that the user of dualsync may read, by its full path.");
  }
  return std::nullopt;
}

// The driver's reason, without any piece of the URI: a password that was not escaped may stand in any part of it.
std::string parse_reason(std::string_view uri, std::string_view reason) {
  if (uri.find('@') == std::string_view::npos && redact(uri) == uri) return redact(reason);
  return "the driver cannot read it; a part of it is not shown because it may be the password";
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "::1" || host.starts_with('/')) return true;
  // A dotted quad only: `127.example.net` is a name that may be anywhere.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<CheckedUri> check_uri(std::string_view uri, const UriRules& rules) {
  CheckedUri checked;
  checked.uri = std::string(uri);
  bson_error_t error{};
  const UriPtr parsed(mongoc_uri_new_with_error(checked.uri.c_str(), &error));
  if (!parsed) {
    return bad_uri(
        rules, fmt::format("not a MongoDB URI: {}", parse_reason(uri, error.message)),
        "Write it as mongodb://host:27017/database or mongodb+srv://user:password@cluster/database; the "
        "characters : / ? # [ ] @ % in a user name or password are written as %3A %2F %3F %23 %5B %5D %40 %25.");
  }
  read_hosts(*parsed, &checked);
  checked.tls = mongoc_uri_get_tls(parsed.get());
  if (const char* database = mongoc_uri_get_database(parsed.get()); database != nullptr) checked.database = database;
  for (const std::string_view name : kServerDatabases) {
    if (checked.database == name) {
      return bad_uri(rules, fmt::format("names the database `{}`, which belongs to MongoDB itself", name),
                     "Name the application's database, or none for all databases; the authentication database is "
                     "written as ?authSource=admin.");
    }
  }
  if (!rules.allow_insecure) {
    for (const char* option : kInsecureOptions) {
      if (!mongoc_uri_get_option_as_bool(parsed.get(), option, false)) continue;
      return bad_uri(rules, fmt::format("the option `{}` switches the check of the server's certificate off", option),
                     "Remove it and give the issuer's certificate with tlsCAFile=; or, for a test without real data, "
                     "set SYNC_ALLOW_INSECURE_BACKUP=true.");
    }
  }
  if (rules.require_tls && !checked.tls && !checked.all_loopback) {
    return bad_uri(rules, fmt::format("the connection to {} is not encrypted", checked.hosts),
                   "Use mongodb+srv:// or add tls=true; without TLS only hosts on this machine are allowed.");
  }
  if (const auto unreadable = unreadable_file(*parsed, rules)) return *unreadable;
  return checked;
}

}  // namespace dualsync
