#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "dualsync/mongo/client_session.h"
#include "mongo_fixture.h"
#include "support/embedded_server.h"

namespace dualsync::test {
namespace {

using std::chrono::milliseconds;

// A port on which nobody listens: taken, and given back at once.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

std::unique_ptr<Deployment> open_quick(const std::string& uri) {
  const auto checked = check_uri(uri, UriRules{"TEST_URI", false, true});
  EXPECT_TRUE(is_ok(checked));
  DeploymentOptions options;
  options.server_selection = milliseconds(500);
  options.connect = milliseconds(500);
  auto deployment = Deployment::open(*checked, options);
  EXPECT_TRUE(is_ok(deployment));
  return std::move(deployment).value();
}

TEST_F(MongoTest, ProbeSaysWhatTheServerIs) {
  const auto facts = local_->probe(milliseconds(5000));
  ASSERT_TRUE(is_ok(facts));
  EXPECT_GE(facts->major, 4);
  EXPECT_FALSE(facts->version.empty());
  EXPECT_FALSE(facts->set_name.empty());
  EXPECT_FALSE(facts->is_standalone());
  EXPECT_EQ(facts->max_bson_size, 16 * 1024 * 1024);
  EXPECT_FALSE(facts->operation_time.is_null());
}

TEST_F(MongoTest, WhatACollectionNeedsIsToldAndWhatIsNotThereIsNoError) {
  insert("sized", {bson_of(R"({"_id": 1, "text": "0123456789"})"), bson_of(R"({"_id": 2, "text": "0123456789"})")});
  const auto probe = local_->make_storage_probe();
  const auto size = probe->stored_bytes(Namespace{db_, "sized"});
  ASSERT_TRUE(is_ok(size));
  ASSERT_TRUE(size->has_value());
  EXPECT_GE(**size, 70U);  // two documents of 37 bytes, and the index on `_id`
  const auto none = probe->stored_bytes(Namespace{db_, "absent"});
  ASSERT_TRUE(is_ok(none));
  EXPECT_LE(none->value_or(0), 0U);
  // Embedded servers do not tell; others have some room.
  const auto room = probe->free_bytes();
  ASSERT_TRUE(is_ok(room));
  EXPECT_GT(room->value_or(1), 0U);
}

TEST(Deployment, ARefusedConnectionNamesTheHostAndTheFix) {
  const std::string host = "127.0.0.1:" + std::to_string(free_port());
  const auto deployment = open_quick("mongodb://app:hunter2@" + host + "/");
  const auto facts = deployment->probe(milliseconds(2000));
  EXPECT_EQ(kind_of(facts), ErrorKind::kConnectivity);
  EXPECT_NE(facts.error().message.find("connection refused"), std::string::npos) << facts.error().message;
  EXPECT_NE(facts.error().hint.find(host), std::string::npos) << facts.error().hint;
  EXPECT_EQ((facts.error().message + facts.error().hint).find("hunter2"), std::string::npos);
}

TEST(Deployment, ANameThatDoesNotExistIsADnsMatter) {
  const auto deployment = open_quick("mongodb://no-such-host.invalid/");
  const auto facts = deployment->probe(milliseconds(2000));
  EXPECT_EQ(kind_of(facts), ErrorKind::kConnectivity);
  EXPECT_NE(facts.error().message.find("DNS"), std::string::npos) << facts.error().message;
}

TEST(Deployment, ObjectsCanBeMadeWhileTheServerIsAway) {
  const auto deployment = open_quick("mongodb://127.0.0.1:" + std::to_string(free_port()) + "/");
  const auto reader = deployment->make_reader();
  EXPECT_EQ(kind_of(reader->ping()), ErrorKind::kConnectivity);
  const auto writer = deployment->make_writer(WriterOptions{});
  const std::string document = bson_of(R"({"_id": 1})");
  const std::vector<WriteItem> items = {{WriteItem::Kind::kInsert, document, document}};
  EXPECT_EQ(kind_of(writer->write({"d", "c"}, items)), ErrorKind::kConnectivity);
  EXPECT_EQ(kind_of(deployment->make_schema_writer()->drop({"d", "c"})), ErrorKind::kConnectivity);
  EXPECT_EQ(kind_of(deployment->make_change_source(SourceOptions{})->open({})), ErrorKind::kConnectivity);
}

TEST_F(MongoTest, AnExhaustedPoolIsAnErrorAndNotAWaitForEver) {
  const auto checked = check_uri(local_uri(), UriRules{"TEST_URI", false, true});
  DeploymentOptions options;
  options.max_clients = 1;
  options.server_selection = milliseconds(300);
  const auto deployment = std::move(Deployment::open(*checked, options)).value();
  const auto first = deployment->make_reader();
  EXPECT_TRUE(is_ok(first->ping()));
  const auto second = deployment->make_reader();
  EXPECT_EQ(kind_of(second->ping()), ErrorKind::kConnectivity);
}

// The following start servers of their own kind, so they run where DUALSYNC_TEST_SERVER is set.
class OwnServerTest : public MongoTest {
 protected:
  void start(const std::vector<std::string>& arguments) {
    const std::string problem = server_.start(arguments);
    ASSERT_TRUE(problem.empty()) << problem;
  }
  EmbeddedServer server_;
};

TEST_F(OwnServerTest, AStandaloneHasNoChangeStreams) {
  ASSERT_NO_FATAL_FAILURE(start({"--standalone"}));
  const auto deployment = open_quick(server_.uri());
  const auto facts = deployment->probe(milliseconds(3000));
  ASSERT_TRUE(is_ok(facts));
  EXPECT_TRUE(facts->is_standalone());
  const auto opened = deployment->make_change_source(SourceOptions{})->open({});
  EXPECT_EQ(kind_of(opened), ErrorKind::kUnsupported);
  EXPECT_NE(opened.error().hint.find("replica set"), std::string::npos);
  // Reading and writing work there all the same.
  const std::string document = bson_of(R"({"_id": 1})");
  const std::vector<WriteItem> items = {{WriteItem::Kind::kReplace, document, document}};
  EXPECT_TRUE(is_ok(deployment->make_writer(WriterOptions{})->write(ns("c"), items)));
  const auto reader = deployment->make_reader();
  EXPECT_EQ(scan(*reader, ns("c")).size(), 1U);
  const std::vector<std::string_view> keys = {document};
  EXPECT_TRUE(is_ok(reader->find_by_ids(ns("c"), keys, OpTime{5, 1}, [](std::string_view) {})));
}

TEST_F(OwnServerTest, AWrongPasswordIsDenied) {
  ASSERT_NO_FATAL_FAILURE(start({"--auth"}));
  const auto deployment = open_quick("mongodb://app:hunter2@127.0.0.1:" + std::to_string(server_.port()) + "/");
  const auto facts = deployment->probe(milliseconds(3000));
  EXPECT_EQ(kind_of(facts), ErrorKind::kDenied);
  EXPECT_NE(facts.error().message.find("authentication"), std::string::npos) << facts.error().message;
  EXPECT_EQ(facts.error().message.find("hunter2"), std::string::npos);
  EXPECT_EQ(kind_of(deployment->make_reader()->ping()), ErrorKind::kDenied);
}

TEST_F(OwnServerTest, AServerThatGoesAwayIsAConnectivityError) {
  ASSERT_NO_FATAL_FAILURE(start({}));
  const auto deployment = open_quick(server_.uri());
  const auto reader = deployment->make_reader();
  const auto source = deployment->make_change_source(SourceOptions{});
  EXPECT_TRUE(is_ok(reader->ping()));
  ASSERT_TRUE(is_ok(source->open({})));
  server_.stop();
  EXPECT_EQ(kind_of(reader->ping()), ErrorKind::kConnectivity);
  EXPECT_EQ(kind_of(source->next(std::stop_token())), ErrorKind::kConnectivity);
}

TEST_F(OwnServerTest, AnOplogThatRolledOverLosesThePosition) {
  ASSERT_NO_FATAL_FAILURE(start({"--oplog-max-entries", "1000"}));
  const auto deployment = open_quick(server_.uri());
  const auto source = deployment->make_change_source(SourceOptions{});
  const auto position = source->open({});
  ASSERT_TRUE(is_ok(position));
  source->close();
  const auto writer = deployment->make_writer(WriterOptions{});
  std::vector<std::string> documents;
  for (int i = 0; i < 5000; ++i) documents.push_back(bson_of("{\"_id\": " + std::to_string(i) + "}"));
  for (std::size_t first = 0; first < documents.size(); first += 500) {
    std::vector<WriteItem> items;
    for (std::size_t i = first; i < first + 500; ++i)
      items.push_back({WriteItem::Kind::kInsert, documents[i], documents[i]});
    ASSERT_TRUE(is_ok(writer->write(ns("c"), items)));
  }
  const auto opened = deployment->make_change_source(SourceOptions{})->open(*position);
  EXPECT_EQ(kind_of(opened), ErrorKind::kPositionLost);
}

}  // namespace
}  // namespace dualsync::test
