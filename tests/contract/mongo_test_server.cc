#include "mongo_test_server.h"

#include <gtest/gtest.h>

#include <memory>

#include "dualsync/mongo/mongoc_library.h"
#include "support/embedded_server.h"

namespace dualsync::test {
namespace {

class Servers : public ::testing::Environment {
 public:
  void SetUp() override {
    library_ = std::make_unique<MongocLibrary>();
    local_ = environment("DUALSYNC_TEST_LOCAL_URI");
    backup_ = environment("DUALSYNC_TEST_BACKUP_URI");
    if (local_.empty()) local_ = backup_;
    if (backup_.empty()) backup_ = local_;
    if (!local_.empty()) return;
    problem_ = embedded_.start({});
    if (!problem_.empty()) return;  // the tests that need a server fail with it, the others run
    is_embedded_ = true;
    local_ = backup_ = embedded_.uri();
  }
  void TearDown() override {
    embedded_.stop();
    library_.reset();
  }

  std::unique_ptr<MongocLibrary> library_;
  EmbeddedServer embedded_;
  bool is_embedded_ = false;
  std::string problem_;
  std::string local_;
  std::string backup_;
};

Servers* const kServers = dynamic_cast<Servers*>(::testing::AddGlobalTestEnvironment(new Servers));

}  // namespace

const std::string& server_problem() { return kServers->problem_; }
const std::string& local_uri() { return kServers->local_; }
const std::string& backup_uri() { return kServers->backup_; }
bool on_embedded_server() { return kServers->is_embedded_; }

}  // namespace dualsync::test
