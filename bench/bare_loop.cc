// bare_loop URI DATABASE FILE: writes what is in FILE with libmongoc and nothing else, as the limit that bench/run
// compares dualsync with: unordered bulks, as many connections as dualsync has lanes, acknowledged by the majority.
//
// Input    FILE: BSON documents {insert: document}, {update: filter, set: change} or {delete: filter}
// Output   one JSON line: operations, seconds, cpuMicrosecondsPerOperation. Reading FILE is not in the time
// Errors   text on stderr, exit 1
#include <fmt/core.h>
#include <mongoc/mongoc.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr int kArguments = 4;
constexpr std::size_t kConnections = 4;
constexpr std::size_t kBulkOperations = 1000;
constexpr const char* kCollection = "documents";
constexpr std::array<std::string_view, 3> kKinds = {"insert", "update", "delete"};

template <auto Destroy>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Destroy(pointer);
  }
};
using Client = std::unique_ptr<mongoc_client_t, Deleter<&mongoc_client_destroy>>;
using Collection = std::unique_ptr<mongoc_collection_t, Deleter<&mongoc_collection_destroy>>;
using Bulk = std::unique_ptr<mongoc_bulk_operation_t, Deleter<&mongoc_bulk_operation_destroy>>;

// Views into the file's bytes.
struct Operation {
  std::size_t kind = 0;
  std::span<const std::uint8_t> document;
  std::span<const std::uint8_t> change;
};

std::span<const std::uint8_t> document_at(const bson_iter_t* found) {
  std::uint32_t size = 0;
  const std::uint8_t* bytes = nullptr;
  bson_iter_document(found, &size, &bytes);
  return {bytes, size};
}

// All operations, those of one kind together: an unordered bulk is one command a kind, and libmongoc sends what follows
// each other as one. Empty if the file holds something else.
std::vector<Operation> parse(const std::string& bytes) {
  std::vector<Operation> operations;
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::int32_t size = 0;
    if (bytes.size() - at < sizeof size) return {};
    std::copy_n(bytes.data() + at, sizeof size, reinterpret_cast<char*>(&size));
    bson_t view;
    bson_iter_t found;
    if (size <= 0 || static_cast<std::size_t>(size) > bytes.size() - at ||
        !bson_init_static(&view, reinterpret_cast<const std::uint8_t*>(bytes.data()) + at,
                          static_cast<std::size_t>(size)) ||
        !bson_iter_init(&found, &view) || !bson_iter_next(&found)) {
      return {};
    }
    const auto* kind = std::find(kKinds.begin(), kKinds.end(), std::string_view(bson_iter_key(&found)));
    if (kind == kKinds.end()) return {};
    Operation operation{static_cast<std::size_t>(kind - kKinds.begin()), document_at(&found), {}};
    if (bson_iter_next(&found)) operation.change = document_at(&found);
    operations.push_back(operation);
    at += static_cast<std::size_t>(size);
  }
  std::stable_sort(operations.begin(), operations.end(),
                   [](const Operation& one, const Operation& other) { return one.kind < other.kind; });
  return operations;
}

bool add(mongoc_bulk_operation_t* bulk, const Operation& operation, bson_error_t* error) {
  bson_t document;
  bson_t change;
  if (!bson_init_static(&document, operation.document.data(), operation.document.size())) return false;
  if (operation.kind == 0) return mongoc_bulk_operation_insert_with_opts(bulk, &document, nullptr, error);
  if (operation.kind == 2) return mongoc_bulk_operation_remove_one_with_opts(bulk, &document, nullptr, error);
  return bson_init_static(&change, operation.change.data(), operation.change.size()) &&
         mongoc_bulk_operation_update_one_with_opts(bulk, &document, &change, nullptr, error);
}

bool send(mongoc_collection_t* collection, std::span<const Operation> operations) {
  bson_t options = BSON_INITIALIZER;
  BSON_APPEND_BOOL(&options, "ordered", false);
  const Bulk bulk(mongoc_collection_create_bulk_operation_with_opts(collection, &options));
  bson_destroy(&options);
  bson_error_t error{};
  bool done = std::all_of(operations.begin(), operations.end(),
                          [&](const Operation& operation) { return add(bulk.get(), operation, &error); });
  if (done) {
    bson_t reply;
    done = mongoc_bulk_operation_execute(bulk.get(), &reply, &error) != 0;
    bson_destroy(&reply);
  }
  if (!done) fmt::print(stderr, "bare_loop: {}\n", error.message);
  return done;
}

Client connect(const char* uri, const char* database) {
  Client client(mongoc_client_new(uri));
  if (!client) {
    fmt::print(stderr, "bare_loop: {} is no URI\n", uri);
    return nullptr;
  }
  bson_t ping = BSON_INITIALIZER;
  BSON_APPEND_INT32(&ping, "ping", 1);
  bson_error_t error;
  const bool done = mongoc_client_command_simple(client.get(), database, &ping, nullptr, nullptr, &error);
  bson_destroy(&ping);
  if (!done) fmt::print(stderr, "bare_loop: {}\n", error.message);
  return done ? std::move(client) : nullptr;
}

// One connection: takes bulks until none is left.
void write(mongoc_client_t* client, const char* database, std::span<const Operation> operations,
           std::atomic<std::size_t>* following, std::atomic<bool>* failed) {
  const Collection collection(mongoc_client_get_collection(client, database, kCollection));
  mongoc_write_concern_t* concern = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(concern, 0);
  mongoc_collection_set_write_concern(collection.get(), concern);
  mongoc_write_concern_destroy(concern);
  while (!*failed) {
    const std::size_t first = following->fetch_add(kBulkOperations);
    if (first >= operations.size()) return;
    const auto some = operations.subspan(first, std::min(kBulkOperations, operations.size() - first));
    if (!send(collection.get(), some)) *failed = true;
  }
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int run(const char* uri, const char* database, const char* file) {
  std::ifstream input(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
  const std::vector<Operation> operations = parse(bytes);
  if (operations.empty()) {
    fmt::print(stderr, "bare_loop: {} holds no operations\n", file);
    return 1;
  }
  std::vector<Client> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(connect(uri, database));
    if (!clients.back()) return 1;
  }
  std::atomic<std::size_t> following = 0;
  std::atomic<bool> failed = false;
  const auto started = std::chrono::steady_clock::now();
  const double cpu_started = cpu_seconds();
  {
    std::vector<std::jthread> writers;
    for (const Client& client : clients) {
      writers.emplace_back(write, client.get(), database, std::span(operations), &following, &failed);
    }
  }
  if (failed) return 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  fmt::print("{{\"operations\": {}, \"seconds\": {:.3f}, \"cpuMicrosecondsPerOperation\": {:.3f}}}\n",
             operations.size(), took.count(),
             (cpu_seconds() - cpu_started) * 1e6 / static_cast<double>(operations.size()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != kArguments) {
    fmt::print(stderr, "usage: bare_loop URI DATABASE FILE\n");
    return 1;
  }
  mongoc_init();
  const int code = run(argv[1], argv[2], argv[3]);
  mongoc_cleanup();
  return code;
}
