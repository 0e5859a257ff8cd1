#include "dualsync/mongo/mongoc_library.h"

#include <mongoc/mongoc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "dualsync/base/log.h"
#include "dualsync/base/redact.h"

namespace dualsync {
namespace {

// libmongoc's levels say little about us: it warns of every failed heartbeat, which is a normal state for a mirror.
// What matters comes back as an Error from the call that failed.
void to_our_log(mongoc_log_level_t level, const char* domain, const char* message, void* /*context*/) {
  if (!log::enabled(log::Level::kDebug)) return;
  log::debug("mongoc", redact(message), {{"domain", domain}, {"driver_level", mongoc_log_level_str(level)}});
}

}  // namespace

MongocLog::MongocLog() { mongoc_log_set_handler(to_our_log, nullptr); }
MongocLog::~MongocLog() { mongoc_log_set_handler(mongoc_log_default_handler, nullptr); }

MongocLibrary::Started::Started() {
  // Made when the library was loaded, before main(); what is mapped stays.
  ::shm_unlink(("/mongoc-" + std::to_string(::getpid())).c_str());
  mongoc_init();
}
MongocLibrary::Started::~Started() { mongoc_cleanup(); }

MongocLibrary::MongocLibrary() = default;

}  // namespace dualsync
