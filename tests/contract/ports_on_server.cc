// The contracts on src/dualsync/mongo and a server: the embedded one, or those that the environment names.
#include <random>

#include "contract/port_sides.h"
#include "dualsync/model/scope.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

class MongoPorts final : public PortSides {
 public:
  MongoPorts()
      : db_("ports_" + std::to_string(std::random_device()())),
        local_(open_deployment(local_uri())),
        backup_(open_deployment(backup_uri())),
        application_(local_->make_writer(WriterOptions{})) {}
  ~MongoPorts() override {
    if (made_state_) {
      remove_ours(backup_uri(), "state", "lease/" + db_);
      remove_ours(backup_uri(), "state", "identity/" + db_);
    }
    for (const std::string& uri : {local_uri(), backup_uri()}) {
      const ClientPtr client(mongoc_client_new(uri.c_str()));
      const std::string drop = bson(R"({"dropDatabase":1})");
      const auto command = view_bson(drop);
      mongoc_client_write_command_with_opts(client.get(), db_.c_str(), &*command, nullptr, nullptr, nullptr);
    }
  }

  Namespace ns(const std::string& collection) const override { return {db_, collection}; }
  std::unique_ptr<BackupWriter> make_writer() override { return backup_->make_writer(WriterOptions{}); }
  std::unique_ptr<DocumentReader> make_backup_reader() override { return backup_->make_reader(); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return backup_->make_schema_writer(); }
  std::unique_ptr<DocumentReader> make_local_reader() override { return local_->make_reader(); }
  std::unique_ptr<ChangeSource> make_change_source() override {
    SourceOptions options;
    options.single_database = db_;
    options.batch_size = 3;
    options.max_wait = std::chrono::milliseconds(200);
    return local_->make_change_source(options);
  }
  void insert(const std::string& c, int id, int v) override { apply(c, WriteItem::Kind::kInsert, id, document(id, v)); }
  void replace(const std::string& c, int id, int v) override {
    apply(c, WriteItem::Kind::kReplace, id, document(id, v));
  }
  void set_v(const std::string& c, int id, int v) override {
    apply(c, WriteItem::Kind::kDelta, id,
          bson("{\"updatedFields\":{\"v\":" + std::to_string(v) + "},\"removedFields\":[]}"));
  }
  void remove(const std::string& c, int id) override { apply(c, WriteItem::Kind::kDelete, id, ""); }
  Position lost_position() override {
    Position position;
    position.token = bson(R"({"_data":"this is no token"})");
    return position;
  }
  void make_unique(const std::string& c, const std::string& field) override {
    const std::string index = bson(R"({"v":2,"key":{")" + field + R"(":1},"name":")" + field + R"(_1","unique":true})");
    EXPECT_TRUE(succeeds(backup_->make_schema_writer()->create_index(ns(c), index)));
  }
  std::unique_ptr<BackupState> make_backup_state() override {
    made_state_ = true;
    return backup_->make_backup_state(db_);
  }
  std::unique_ptr<LocalProbe> make_local_probe() override { return local_->make_local_probe(); }
  bool forget_ids() override {
    if (!on_embedded_server()) return false;  // a daemon may rely on them
    remove_ours(backup_uri(), "state", "backup");
    remove_ours(local_uri(), "marker", "marker");
    return true;
  }

 private:
  // A document that we keep beside the user's data; by the majority, as it is read.
  static void remove_ours(const std::string& uri, const std::string& collection, const std::string& id) {
    const ClientPtr client(mongoc_client_new(uri.c_str()));
    const std::string remove = bson(R"({"delete":")" + collection + R"(","deletes":[{"q":{"_id":")" + id +
                                    R"("},"limit":1}],"writeConcern":{"w":"majority"}})");
    const auto command = view_bson(remove);
    const std::string db(kMetadataDatabase);
    bson_error_t error{};
    EXPECT_TRUE(mongoc_client_command_simple(client.get(), db.c_str(), &*command, nullptr, nullptr, &error))
        << error.message;
  }
  static std::string document(int id, int v) {
    return bson("{\"_id\":" + std::to_string(id) + ",\"v\":" + std::to_string(v) + "}");
  }
  void apply(const std::string& collection, WriteItem::Kind kind, int id, const std::string& payload) {
    const std::string key = id_key(std::to_string(id));
    const WriteItem item{kind, key, payload};
    const auto outcomes = application_->write(ns(collection), {&item, 1});
    ASSERT_TRUE(succeeds(outcomes));
    EXPECT_TRUE(outcomes->front().ok) << outcomes->front().error.message;
  }

  const std::string db_;
  const std::unique_ptr<Deployment> local_;
  const std::unique_ptr<Deployment> backup_;
  const std::unique_ptr<BackupWriter> application_;
  bool made_state_ = false;  // and so there may be something of it to remove
};

std::unique_ptr<PortSides> make_ports() {
  EXPECT_TRUE(server_problem().empty()) << server_problem();
  if (!server_problem().empty()) return nullptr;
  return std::make_unique<MongoPorts>();
}
const PortMaker kServer{"Server", make_ports};

INSTANTIATE_TEST_SUITE_P(Server, WriterContract, ::testing::Values(kServer), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Server, AtomicContract, ::testing::Values(kServer), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Server, ReaderContract, ::testing::Values(kServer), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Server, SchemaContract, ::testing::Values(kServer), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Server, SourceContract, ::testing::Values(kServer), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Server, StateContract, ::testing::Values(kServer), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Server, ProbeContract, ::testing::Values(kServer), name_of_maker);

}  // namespace
}  // namespace dualsync::test
