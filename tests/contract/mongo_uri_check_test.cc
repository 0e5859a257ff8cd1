#include <gtest/gtest.h>

#include "dualsync/mongo/uri_check.h"
#include "mongo_fixture.h"

namespace dualsync {
namespace {

using test::is_ok;
using test::kind_of;

const UriRules kLocal{"MONGODB_LOCAL_URI", false, false};
const UriRules kBackup{"MONGODB_ATLAS_URI", true, false};

TEST(UriCheck, ReadsDatabaseAndHostsWithoutThePassword) {
  const auto checked = check_uri("mongodb://app:hunter2@db.example.net:27018,localhost/bomba?tls=true", kBackup);
  ASSERT_TRUE(is_ok(checked));
  EXPECT_EQ(checked->database, "bomba");
  EXPECT_EQ(checked->hosts, "db.example.net:27018,localhost:27017");
  EXPECT_TRUE(checked->tls);
  EXPECT_FALSE(checked->all_loopback);
  EXPECT_FALSE(checked->srv);
}

TEST(UriCheck, AnSrvNameIsTlsByItself) {
  const auto checked = check_uri("mongodb+srv://app:hunter2@cluster0.abc.mongodb.net/bomba", kBackup);
  ASSERT_TRUE(is_ok(checked));
  EXPECT_TRUE(checked->srv);
  EXPECT_TRUE(checked->tls);
  EXPECT_EQ(checked->hosts, "cluster0.abc.mongodb.net");
}

TEST(UriCheck, ABackupElsewhereNeedsTls) {
  const auto checked = check_uri("mongodb://app:hunter2@db.example.net/bomba", kBackup);
  EXPECT_EQ(kind_of(checked), ErrorKind::kInvalidArgument);
  EXPECT_NE(checked.error().message.find("MONGODB_ATLAS_URI"), std::string::npos);
  EXPECT_NE(checked.error().message.find("db.example.net"), std::string::npos);
  EXPECT_EQ(checked.error().message.find("hunter2"), std::string::npos);
  EXPECT_FALSE(check_uri("mongodb://localhost,db.example.net/", kBackup).ok());
  EXPECT_FALSE(check_uri("mongodb://127.example.net/", kBackup).ok());
}

TEST(UriCheck, ABackupOnThisMachineMayGoWithout) {
  for (const char* host : {"localhost", "127.0.0.1", "127.8.9.10:27018", "[::1]:27017"}) {
    EXPECT_TRUE(is_ok(check_uri(std::string("mongodb://") + host + "/", kBackup))) << host;
  }
  EXPECT_TRUE(is_ok(check_uri("mongodb://db.example.net/", kLocal)));
}

TEST(UriCheck, CertificateChecksStayOn) {
  for (const char* option : {"tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"}) {
    const std::string uri = std::string("mongodb://db.example.net/?tls=true&") + option + "=true";
    EXPECT_EQ(kind_of(check_uri(uri, kBackup)), ErrorKind::kInvalidArgument) << option;
    EXPECT_TRUE(is_ok(check_uri(uri, UriRules{"MONGODB_ATLAS_URI", true, true}))) << option;
  }
}

TEST(UriCheck, FilesThatItNamesCanBeRead) {
  for (const char* option : {"tlsCAFile", "tlsCertificateKeyFile"}) {
    const std::string uri = std::string("mongodb://localhost/?tls=true&") + option + "=";
    const auto checked = check_uri(uri + "/no/such/file.pem", kBackup);
    ASSERT_EQ(kind_of(checked), ErrorKind::kInvalidArgument);
    EXPECT_NE(checked.error().message.find("/no/such/file.pem"), std::string::npos) << checked.error().message;
    EXPECT_TRUE(is_ok(check_uri(uri + "/proc/self/exe", kBackup)));
  }
}

TEST(UriCheck, ServersOwnDatabasesAreNotMirrored) {
  EXPECT_EQ(kind_of(check_uri("mongodb://localhost/admin", kLocal)), ErrorKind::kInvalidArgument);
  EXPECT_TRUE(is_ok(check_uri("mongodb://localhost/?authSource=admin", kLocal)));
}

TEST(UriCheck, WhatIsNoUriIsNamedWithoutItsPassword) {
  for (const char* uri :
       {"", "localhost", "http://localhost/", "mongodb://", "mongodb://app:hun@ter2:x@/y@localhost",
        "mongodb://app:hunter2@", "mongodb://app:hunter2@localhost:99999/", "mongodb://a:hunter2%@b/"}) {
    const auto checked = check_uri(uri, kLocal);
    EXPECT_EQ(kind_of(checked), ErrorKind::kInvalidArgument) << uri;
    EXPECT_EQ(checked.error().message.find("ter2"), std::string::npos) << checked.error().message;
    EXPECT_FALSE(checked.error().hint.empty());
  }
}

}  // namespace
}  // namespace dualsync
