// A billing desk on the command line. Its bills lie in a local MongoDB that needs no replica set, and in the backup.
//
//   MONGODB_LOCAL_URI=mongodb://127.0.0.1:27017/shop MONGODB_ATLAS_URI=mongodb+srv://... ./billing
#include <dualsync/engine.h>
#include <dualsync/middleware.h>
#include <mongoc/mongoc.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include "billing.h"

namespace {

constexpr const char* kHelp =
    "open <customer> <cents>   add <bill> <cents>   pay <bill>   remind   forget <customer>   list   backup   quit";

struct PoolDestroy {
  void operator()(mongoc_client_pool_t* pool) const { mongoc_client_pool_destroy(pool); }
};
struct UriDestroy {
  void operator()(mongoc_uri_t* uri) const { mongoc_uri_destroy(uri); }
};

template <typename T>
T next(std::istringstream& words) {
  T word;
  if (words >> word) return word;
  throw std::runtime_error(std::string("something is missing: ") + kHelp);
}

// Whether everything so far is on the backup; the desk waits for that only if somebody asks.
std::string backup_state(dualsync::Engine& engine, dualsync::Middleware& middleware) {
  using namespace std::chrono_literals;
  const bool all = middleware.flush(10s) && engine.wait(30s) == dualsync::Engine::Caught::kAll;
  return all ? "everything is on the backup" : "not yet: " + engine.health_json();
}

std::string answer(Billing& billing, const std::string& line) {
  std::istringstream words(line);
  const auto command = next<std::string>(words);
  if (command == "open") {
    const auto customer = next<std::string>(words);
    return billing.open(customer, next<std::int64_t>(words));
  }
  if (command == "add") {
    const auto number = next<std::int64_t>(words);
    return billing.add(number, next<std::int64_t>(words));
  }
  if (command == "pay") return billing.pay(next<std::int64_t>(words));
  if (command == "remind") return billing.remind();
  if (command == "forget") return billing.forget(next<std::string>(words));
  if (command == "list") return billing.list();
  throw std::runtime_error(kHelp);
}

int failed(const dualsync::Failure& failure) {
  std::cerr << "billing: " << failure.message << "\n" << failure.hint << "\n";
  return 1;
}

int run() {
  const char* local = std::getenv("MONGODB_LOCAL_URI");
  const std::unique_ptr<mongoc_uri_t, UriDestroy> uri(
      mongoc_uri_new(local != nullptr ? local : "mongodb://127.0.0.1:27017/shop"));
  const char* database = uri ? mongoc_uri_get_database(uri.get()) : nullptr;
  if (database == nullptr) return failed({"MONGODB_LOCAL_URI names no database", "such as .../shop"});

  dualsync::EngineOptions options;
  options.read_environment = true;  // the settings are the daemon's
  dualsync::Failure failure;
  const auto engine = dualsync::Engine::start(options, &failure);
  if (!engine) return failed(failure);
  const auto middleware = dualsync::Middleware::start(*engine, &failure);
  if (!middleware) return failed(failure);
  const std::unique_ptr<mongoc_client_pool_t, PoolDestroy> pool(mongoc_client_pool_new(uri.get()));
  if (const auto refused = middleware->attach(pool.get())) return failed(*refused);

  Billing billing(pool.get(), database, *middleware);
  std::cout << "ready\n" << kHelp << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    try {
      std::cout << (line == "backup" ? backup_state(*engine, *middleware) : answer(billing, line)) << std::endl;
    } catch (const std::runtime_error& error) {
      std::cout << "error: " << error.what() << std::endl;
    }
  }
  return 0;
}

}  // namespace

int main() {
  mongoc_init();
  const int code = run();
  mongoc_cleanup();
  return code;
}
