// bare_reader URI SECONDS ORDINAL EVENTS: drains a change stream with libmongoc and nothing else, as the bare limit
// that bench/run compares dualsync with. Same options and same calls as the product's capture: raw aggregate and
// getMore, whole deployment or one database, expanded events.
//
// Input    URI of local (its database is the scope), cluster time to start at as seconds and ordinal, events to read
// Output   one JSON line: events, seconds, cpuMicrosecondsPerEvent
// Errors   text on stderr, exit 1
#include <fmt/core.h>
#include <mongoc/mongoc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace {

constexpr int kArguments = 5;
constexpr std::int64_t kAwaitMs = 1000;

template <auto Destroy>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Destroy(pointer);
  }
};
using Client = std::unique_ptr<mongoc_client_t, Deleter<&mongoc_client_destroy>>;
using Uri = std::unique_ptr<mongoc_uri_t, Deleter<&mongoc_uri_destroy>>;

// Owns a document. A member, not a unique_ptr: bson_t is over-aligned, which a template argument loses.
struct Document {
  Document() { bson_init(&bson); }
  ~Document() { bson_destroy(&bson); }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  bson_t bson;
};


struct Batch {
  std::int64_t cursor = 0;
  std::uint64_t events = 0;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Counts the events of a reply's firstBatch or nextBatch, looking at each document's operation type as a reader must.
Batch read_batch(const bson_t* reply, const char* batch_path) {
  Batch batch;
  bson_iter_t root;
  bson_iter_t found;
  if (bson_iter_init(&root, reply) && bson_iter_find_descendant(&root, "cursor.id", &found)) {
    batch.cursor = bson_iter_as_int64(&found);
  }
  bson_iter_t events;
  if (!bson_iter_init(&root, reply) || !bson_iter_find_descendant(&root, batch_path, &found) ||
      !bson_iter_recurse(&found, &events)) {
    return batch;
  }
  while (bson_iter_next(&events)) {
    bson_iter_t event;
    if (bson_iter_recurse(&events, &event) && bson_iter_find(&event, "operationType")) ++batch.events;
  }
  return batch;
}

bool run_command(mongoc_client_t* client, const std::string& database, const bson_t* command, std::uint32_t* server,
                 bson_t* reply) {
  bson_error_t error;
  bson_t options = BSON_INITIALIZER;
  if (*server == 0) {
    mongoc_server_description_t* chosen = mongoc_client_select_server(client, true, nullptr, &error);
    if (chosen == nullptr) {
      fmt::print(stderr, "bare_reader: {}\n", error.message);
      bson_destroy(&options);
      bson_init(reply);
      return false;
    }
    *server = mongoc_server_description_id(chosen);
    mongoc_server_description_destroy(chosen);
  }
  bson_append_int32(&options, "serverId", -1, static_cast<std::int32_t>(*server));
  const bool done =
      mongoc_client_command_with_opts(client, database.c_str(), command, nullptr, &options, reply, &error);
  bson_destroy(&options);
  if (!done) fmt::print(stderr, "bare_reader: {}\n", error.message);
  return done;
}

void aggregate_command(bool whole_deployment, std::uint32_t seconds, std::uint32_t ordinal, bson_t* made) {
  bson_t pipeline;
  bson_t stage;
  bson_t stream;
  bson_t cursor;
  bson_append_int32(made, "aggregate", -1, 1);
  bson_append_array_begin(made, "pipeline", -1, &pipeline);
  bson_append_document_begin(&pipeline, "0", -1, &stage);
  bson_append_document_begin(&stage, "$changeStream", -1, &stream);
  bson_append_timestamp(&stream, "startAtOperationTime", -1, seconds, ordinal);
  bson_append_bool(&stream, "showExpandedEvents", -1, true);
  if (whole_deployment) bson_append_bool(&stream, "allChangesForCluster", -1, true);
  bson_append_document_end(&stage, &stream);
  bson_append_document_end(&pipeline, &stage);
  bson_append_array_end(made, &pipeline);
  bson_append_document_begin(made, "cursor", -1, &cursor);
  bson_append_document_end(made, &cursor);
}

void get_more_command(std::int64_t cursor, bson_t* made) {
  bson_append_int64(made, "getMore", -1, cursor);
  bson_append_utf8(made, "collection", -1, "$cmd.aggregate", -1);
  bson_append_int64(made, "maxTimeMS", -1, kAwaitMs);
}

// Reads until `wanted` events were seen. Returns how many, 0 on an error.
std::uint64_t drain(mongoc_client_t* client, const std::string& database, const bson_t* open, std::uint64_t wanted) {
  std::uint32_t server = 0;
  std::uint64_t seen = 0;
  bson_t reply;
  bool done = run_command(client, database, open, &server, &reply);
  Batch batch = read_batch(&reply, "cursor.firstBatch");
  bson_destroy(&reply);
  seen += batch.events;
  while (done && seen < wanted && batch.cursor != 0) {
    Document get_more;
    get_more_command(batch.cursor, &get_more.bson);
    done = run_command(client, database, &get_more.bson, &server, &reply);
    batch = read_batch(&reply, "cursor.nextBatch");
    bson_destroy(&reply);
    seen += batch.events;
  }
  return done ? seen : 0;
}

int run(const char* uri_text, std::uint32_t seconds, std::uint32_t ordinal, std::uint64_t wanted) {
  bson_error_t error;
  const Uri uri(mongoc_uri_new_with_error(uri_text, &error));
  if (!uri) {
    fmt::print(stderr, "bare_reader: {}\n", error.message);
    return 1;
  }
  const Client client(mongoc_client_new_from_uri(uri.get()));
  const char* named = mongoc_uri_get_database(uri.get());
  const std::string database = named != nullptr ? named : "admin";
  Document open;
  aggregate_command(named == nullptr, seconds, ordinal, &open.bson);
  const auto started = std::chrono::steady_clock::now();
  const double cpu_started = cpu_seconds();
  const std::uint64_t seen = drain(client.get(), database, &open.bson, wanted);
  if (seen == 0) return 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  fmt::print("{{\"events\": {}, \"seconds\": {:.3f}, \"cpuMicrosecondsPerEvent\": {:.3f}}}\n", seen, took.count(),
             (cpu_seconds() - cpu_started) * 1e6 / static_cast<double>(seen));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != kArguments) {
    fmt::print(stderr, "usage: bare_reader URI SECONDS ORDINAL EVENTS\n");
    return 1;
  }
  mongoc_init();
  const int code = run(argv[1], static_cast<std::uint32_t>(std::stoul(argv[2])),
                       static_cast<std::uint32_t>(std::stoul(argv[3])), std::stoull(argv[4]));
  mongoc_cleanup();
  return code;
}
