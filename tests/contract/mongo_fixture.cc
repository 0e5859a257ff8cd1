#include "mongo_fixture.h"

#include <random>

namespace dualsync::test {

std::string bson_of(const std::string& json) {
  bson_error_t error{};
  bson_t parsed;
  if (!bson_init_from_json(&parsed, json.c_str(), static_cast<ssize_t>(json.size()), &error)) {
    ADD_FAILURE() << "bad JSON in a test: " << error.message << "\n" << json;
    return BsonDoc().str();
  }
  std::string bytes(bytes_of(parsed));
  bson_destroy(&parsed);
  return bytes;
}

std::string key_of(std::string_view document) {
  const auto view = view_bson(document);
  bson_iter_t iter;
  BsonDoc key;
  if (view.has_value() && bson_iter_init_find(&iter, &*view, "_id")) bson_append_iter(key.get(), "_id", -1, &iter);
  return key.str();
}

std::string id_text(std::string_view document) {
  const std::string key = key_of(document);
  const auto view = view_bson(key);
  char* json = bson_as_canonical_extended_json(&*view, nullptr);
  std::string text(json);
  bson_free(json);
  return text;
}

std::string text_field(std::string_view document, const char* name) {
  const auto view = view_bson(document);
  bson_iter_t iter;
  if (!view.has_value() || !bson_iter_init_find(&iter, &*view, name)) return "";
  return std::string(iter_string(iter).value_or(""));
}

std::unique_ptr<Deployment> open_deployment(const std::string& uri) {
  const auto checked = check_uri(uri, UriRules{"TEST_URI", false, true});
  if (!checked.ok()) {
    ADD_FAILURE() << checked.error().message;
    return nullptr;
  }
  auto deployment = Deployment::open(*checked, DeploymentOptions{});
  if (deployment.ok()) return std::move(deployment).value();
  ADD_FAILURE() << deployment.error().message;
  return nullptr;
}

void MongoTest::SetUp() {
  ASSERT_TRUE(server_problem().empty()) << server_problem();
  std::random_device random;
  db_ = "contract_" + std::to_string(random());
  local_ = open_deployment(local_uri());
  backup_ = open_deployment(backup_uri());
  local_client_.reset(mongoc_client_new(local_uri().c_str()));
  backup_client_.reset(mongoc_client_new(backup_uri().c_str()));
}

void MongoTest::TearDown() {
  if (!local_client_) return;
  run(R"({"dropDatabase": 1})");
  run_on_backup(R"({"dropDatabase": 1})");
}

std::string MongoTest::send(mongoc_client_t* client, std::string_view command, const std::string& db) {
  if (client == nullptr) return {};  // there is no server: said once, by SetUp
  const auto view = view_bson(command);
  BsonDoc reply;
  bson_error_t error{};
  const std::string& name = db.empty() ? db_ : db;
  if (!mongoc_client_write_command_with_opts(client, name.c_str(), &*view, nullptr, reply.out(), &error)) {
    ADD_FAILURE() << error.message;
  }
  EXPECT_FALSE(bson_has_field(reply.get(), "writeErrors"));
  return reply.str();
}

std::string MongoTest::run(const std::string& json, const std::string& db) {
  return send(local_client_.get(), bson_of(json), db);
}

std::string MongoTest::run_on_backup(const std::string& json, const std::string& db) {
  return send(backup_client_.get(), bson_of(json), db);
}

void MongoTest::insert(const std::string& collection, const std::vector<std::string>& documents) {
  constexpr std::size_t kAtOnce = 1000;
  for (std::size_t first = 0; first < documents.size(); first += kAtOnce) {
    BsonDoc command;
    BSON_APPEND_UTF8(command.get(), "insert", collection.c_str());
    bson_t list;
    bson_append_array_begin(command.get(), "documents", -1, &list);
    for (std::size_t i = first; i < documents.size() && i < first + kAtOnce; ++i) {
      append_document(&list, std::to_string(i - first), documents[i]);
    }
    bson_append_array_end(command.get(), &list);
    send(local_client_.get(), command.bytes(), "");
  }
}

std::vector<std::string> MongoTest::scan(DocumentReader& reader, const Namespace& from, const IdRange& range) {
  std::vector<std::string> documents;
  auto cursor = reader.scan(from, range);
  EXPECT_TRUE(is_ok(cursor));
  if (!cursor.ok()) return documents;
  while (true) {
    const auto document = (*cursor)->next();
    EXPECT_TRUE(is_ok(document));
    if (!document.ok() || document->empty()) return documents;
    documents.emplace_back(*document);
  }
}

}  // namespace dualsync::test
