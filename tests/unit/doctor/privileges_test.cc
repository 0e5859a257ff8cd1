#include "dualsync/mongo/privileges.h"

#include <gtest/gtest.h>

#include "dualsync/doctor/checks.h"

namespace dualsync {
namespace {

using State = CheckOutcome::State;

Privileges of(const std::string& privileges, const std::string& users = R"([{"user": "app", "db": "admin"}])") {
  const std::string json = R"({"authInfo": {"authenticatedUsers": )" + users + R"(, "authenticatedUserPrivileges": )" +
                           privileges + "}, \"ok\": 1}";
  bson_error_t error{};
  bson_t* reply =
      bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json.data()), static_cast<ssize_t>(json.size()), &error);
  EXPECT_NE(reply, nullptr) << error.message;
  Privileges read = Privileges::read(*reply);
  bson_destroy(reply);
  return read;
}

constexpr const char* kReads = R"("find", "changeStream", "listCollections", "listIndexes", "collStats")";
constexpr const char* kWrites =
    R"("find", "insert", "update", "remove", "createIndex", "createCollection", "dropCollection", "dropIndex",
       "listIndexes", "listCollections")";

std::string on(const std::string& resource, const std::string& actions) {
  return R"({"resource": )" + resource + R"(, "actions": [)" + actions + "]}";
}

TEST(Privileges, KnowWhatAResourceCovers) {
  const Privileges one = of("[" + on(R"({"db": "shop", "collection": ""})", kReads) + "," +
                            on(R"({"db": "shop", "collection": "bills"})", R"("insert")") + "," +
                            on(R"({"cluster": true})", R"("serverStatus")") + "]");
  EXPECT_TRUE(one.known());
  EXPECT_EQ(one.user(), "app");
  EXPECT_TRUE(one.allows("shop", "find"));
  EXPECT_FALSE(one.allows("shop", "insert")) << "a single collection is not the database";
  EXPECT_FALSE(one.allows("other", "find"));
  EXPECT_FALSE(one.allows_everywhere("find"));
  EXPECT_TRUE(one.allows_on_cluster("serverStatus"));
  EXPECT_FALSE(one.allows_on_cluster("find"));
  const Privileges everywhere = of("[" + on(R"({"db": "", "collection": ""})", kReads) + "]");
  EXPECT_TRUE(everywhere.allows("whatever", "find"));
  EXPECT_TRUE(everywhere.allows_everywhere("find"));
  EXPECT_FALSE(everywhere.allows_on_cluster("find"));
  const Privileges any = of("[" + on(R"({"anyResource": true})", R"("anyAction", "find")") + "]");
  EXPECT_TRUE(any.allows("x", "find"));
  EXPECT_TRUE(any.allows_on_cluster("find"));
}

TEST(Privileges, RolesThatNobodyExplainsAreNotKnown) {
  const std::string user = R"([{"user": "app", "db": "admin"}])";
  EXPECT_TRUE(of("[]", user).known()) << "no role, no right";
  EXPECT_FALSE(of("[]", user).allows("shop", "find"));
  const Privileges unexplained = of("[]", user + R"(, "authenticatedUserRoles": [{"role": "root", "db": "admin"}])");
  EXPECT_FALSE(unexplained.known());
  EXPECT_TRUE(unexplained.allows("shop", "find"));
}

TEST(Privileges, NobodyLoggedInMeansThatNothingIsKnown) {
  const Privileges none = of("[]", "[]");
  EXPECT_FALSE(none.known());
  EXPECT_TRUE(none.allows("shop", "insert"));
}

TEST(DoctorRights, NameWhatIsMissing) {
  const auto local = [](const std::string& privileges) { return doctor::check_local_rights(of(privileges), {"shop"}); };
  const std::string reads = on(R"({"db": "shop", "collection": ""})", kReads);
  const std::string own = on(R"({"db": "dualsync", "collection": ""})", kWrites);
  EXPECT_EQ(local("[" + reads + "," + own + "]").state, State::kOk);
  const CheckOutcome no_marker = local("[" + reads + "]");
  EXPECT_EQ(no_marker.state, State::kWarning);
  EXPECT_EQ(no_marker.message, "user app may not: find on dualsync, insert on dualsync, update on dualsync");
  const CheckOutcome blind = local("[" + own + "]");
  EXPECT_EQ(blind.state, State::kFailed);
  EXPECT_NE(blind.message.find("changeStream on shop"), std::string::npos);
  EXPECT_NE(blind.hint, "");
  EXPECT_EQ(doctor::check_local_rights(of("[" + reads + "," + own + "]"), {}).state, State::kFailed)
      << "all databases are to be mirrored";

  const std::string writes = on(R"({"db": "shop", "collection": ""})", kWrites);
  const CheckOutcome plain = doctor::check_backup_rights(of("[" + writes + "]"), {"shop"});
  EXPECT_EQ(plain.state, State::kWarning);
  EXPECT_NE(plain.message.find("bypassDocumentValidation on shop"), std::string::npos);
  const std::string admin = on(R"({"db": "shop", "collection": ""})", R"("collMod", "bypassDocumentValidation")");
  EXPECT_EQ(doctor::check_backup_rights(of("[" + writes + "," + admin + "]"), {"shop"}).state, State::kOk);
  EXPECT_EQ(doctor::check_backup_rights(of("[" + reads + "]"), {"shop"}).state, State::kFailed);
  EXPECT_EQ(doctor::check_backup_rights(Error{ErrorKind::kDenied, "no", "", 13}, {"shop"}).state, State::kSkipped);
}

}  // namespace
}  // namespace dualsync
