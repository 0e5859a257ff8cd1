// Latency of an insert with and without the middleware of libdualsync, by turns in one process; prints JSON.
//
// Run  insert_hook LOCAL-URI-WITH-DATABASE BACKUP-URI DATA-DIRECTORY kept|taken
// Empty    the same with callbacks that do nothing: what libmongoc itself takes to tell of commands
// CPU  of the thread that inserts, so that neither the mirror's nor the reporter's is in it
#include <mongoc/mongoc.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/middleware.h"

namespace {

constexpr int kRounds = 40;
constexpr int kWarmUp = 4;
constexpr int kInserts = 250;  // of each sort in a round

double microseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Side {
  mongoc_client_t* client = nullptr;
  mongoc_collection_t* collection = nullptr;
  std::vector<double> times;
  double cpu = 0;
};

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "insert_hook: %s\n", text.c_str());
  std::exit(1);
}

Side connect(const std::string& uri, const char* collection) {
  Side side;
  side.client = mongoc_client_new(uri.c_str());
  mongoc_uri_t* parsed = mongoc_uri_new(uri.c_str());
  side.collection = mongoc_client_get_collection(side.client, mongoc_uri_get_database(parsed), collection);
  mongoc_uri_destroy(parsed);
  return side;
}

void run_round(Side* side, bool counts) {
  const double cpu = microseconds(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < kInserts; ++i) {
    bson_t* bill = BCON_NEW("customer", "c", "amount", BCON_INT32(i), "lines", "[", "{", "item", "tea", "}", "]");
    bson_error_t error;
    const double begun = microseconds(CLOCK_MONOTONIC);
    if (!mongoc_collection_insert_one(side->collection, bill, nullptr, nullptr, &error)) fail(error.message);
    if (counts) side->times.push_back(microseconds(CLOCK_MONOTONIC) - begun);
    bson_destroy(bill);
  }
  if (counts) side->cpu += microseconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

double at(std::vector<double> times, double share) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
}

double more(const Side& bare, const Side& other) { return (at(other.times, 0.5) / at(bare.times, 0.5) - 1) * 100; }

void print(const Side& bare, const Side& empty, const Side& hooked) {
  const auto count = static_cast<double>(bare.times.size());
  std::printf(
      R"({"inserts": %zu, "medianMicroseconds": %.1f, "medianMicrosecondsHooked": %.1f, "p99Microseconds": %.1f, )"
      R"("p99MicrosecondsHooked": %.1f, "medianPercentMoreEmpty": %.2f, "medianPercentMore": %.2f, )"
      R"("p99PercentMore": %.2f, )"
      R"("emptyCpuMicroseconds": %.2f, "hookCpuMicroseconds": %.2f})",
      bare.times.size(), at(bare.times, 0.5), at(hooked.times, 0.5), at(bare.times, 0.99), at(hooked.times, 0.99),
      more(bare, empty), more(bare, hooked), (at(hooked.times, 0.99) / at(bare.times, 0.99) - 1) * 100,
      (empty.cpu - bare.cpu) / count, (hooked.cpu - bare.cpu) / count);
}

void listen_in_vain(mongoc_client_t* client) {
  mongoc_apm_callbacks_t* callbacks = mongoc_apm_callbacks_new();
  mongoc_apm_set_command_started_cb(callbacks, [](const mongoc_apm_command_started_t*) {});
  mongoc_apm_set_command_succeeded_cb(callbacks, [](const mongoc_apm_command_succeeded_t*) {});
  mongoc_apm_set_command_failed_cb(callbacks, [](const mongoc_apm_command_failed_t*) {});
  if (!mongoc_client_set_apm_callbacks(client, callbacks, nullptr)) fail("cannot listen");
  mongoc_apm_callbacks_destroy(callbacks);
}

// The server's threads have another (placing.py).
void take_first_processor() {
  cpu_set_t all;
  CPU_ZERO(&all);
  if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2) return;
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) fail("cannot choose a processor");
}

void measure(const std::string& local, dualsync::Middleware& middleware) {
  Side bare = connect(local, "bare");
  Side empty = connect(local, "empty");
  Side hooked = connect(local, "hooked");
  listen_in_vain(empty.client);
  take_first_processor();
  if (middleware.attach(hooked.client)) fail("cannot attach");
  for (int i = 0; i < kWarmUp + kRounds; ++i) {
    Side* order[] = {&bare, &empty, &hooked};
    std::rotate(std::begin(order), std::begin(order) + i % 3, std::end(order));
    for (Side* side : order) run_round(side, i >= kWarmUp);
  }
  print(bare, empty, hooked);
  for (const Side* side : {&bare, &empty, &hooked}) {
    mongoc_collection_destroy(side->collection);
    mongoc_client_destroy(side->client);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("four arguments: local, backup, data directory, kept|taken");
  mongoc_init();
  dualsync::EngineOptions options;
  options.settings = {{"MONGODB_LOCAL_URI", argv[1]},
                      {"MONGODB_ATLAS_URI", argv[2]},
                      {"SYNC_DATA_DIR", argv[3]},
                      {"SYNC_RECONCILE_INTERVAL", "0"},
                      {"SYNC_LOG_LEVEL", "warn"}};
  options.serve_api = false;
  dualsync::Failure failure;
  {
    const auto engine = dualsync::Engine::start(options, &failure);
    if (!engine) fail(failure.message);
    engine->wait(std::chrono::seconds(60));
    const bool paused = std::string_view(argv[4]) == "taken";
    if (paused) static_cast<void>(engine->pause());
    const auto middleware = dualsync::Middleware::start(*engine, &failure);
    if (!middleware) fail(failure.message);
    measure(argv[1], *middleware);
    if (!middleware->stop(std::chrono::seconds(60))) fail("not all was told");
    if (paused) static_cast<void>(engine->resume());
    if (engine->wait(std::chrono::seconds(120)) != dualsync::Engine::Caught::kAll) fail("not all is on the backup");
  }
  mongoc_cleanup();
  return 0;
}
