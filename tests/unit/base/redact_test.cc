#include "dualsync/base/redact.h"

#include <gtest/gtest.h>

#include <vector>

namespace dualsync {
namespace {

TEST(Redact, HidesThePasswordOfAUri) {
  EXPECT_EQ(redact("mongodb://ann:s3cret@db.example.net/shop"), "mongodb://ann:***@db.example.net/shop");
}

TEST(Redact, HidesAPasswordWithAnAtSignOrASlashThatWasNotEscaped) {
  EXPECT_EQ(redact("mongodb://ann:s3@cret@host/shop").find("cret"), std::string::npos);
  EXPECT_EQ(redact("mongodb://ann:s3/cret@host/shop").find("cret"), std::string::npos);
}

TEST(Redact, HidesSecretsInTheQuery) {
  EXPECT_EQ(redact("x?tlsCertificateKeyFilePassword=hidden&a=1"), "x?tlsCertificateKeyFilePassword=***&a=1");
}

TEST(Redact, HidesEveryUriOfALongerText) {
  const std::string text = redact("cannot reach mongodb://a:one@h1/x nor mongodb+srv://b:two@h2/y, sorry");
  EXPECT_EQ(text.find("one"), std::string::npos);
  EXPECT_EQ(text.find("two"), std::string::npos);
  EXPECT_NE(text.find("sorry"), std::string::npos);
}

TEST(Redact, HidesAPasswordWithAnythingThatWasNotEscaped) {
  for (const char* password :
       {"a@b/hidden", "a/b@hidden", "a?hidden", "a#hidden", "a hidden", "a\"hidden", "a'hidden", "a://hidden",
        "1234/hidden", "a\thidden", "%zzhidden", "12hidden", "hid:hidden", "a[hidden"}) {
    const std::string text = redact(std::string("cannot read mongodb://ann:") + password + "@host/shop");
    EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
    EXPECT_TRUE(text.starts_with("cannot read mongodb://ann:***@")) << text;
  }
}

TEST(Redact, HidesAPasswordWhoseHostIsMissing) {
  EXPECT_EQ(redact("mongodb://ann:s3cret"), "mongodb://ann:***");
  EXPECT_EQ(redact("mongodb://ann:12s3cret/shop is wrong"), "mongodb://ann:*** is wrong");
  EXPECT_EQ(redact("mongodb://h1:27017,ann:s3cret"), "mongodb://h1:27017,ann:***");
  EXPECT_EQ(redact("mongodb://[::1]:s3cret"), "mongodb://[::1]:***");
}

TEST(Redact, HidesSecretsBehindASemicolon) {
  EXPECT_EQ(redact("mongodb://h/x?tls=true;tlsCertificateKeyFilePassword=hidden"),
            "mongodb://h/x?tls=true;tlsCertificateKeyFilePassword=***");
}

TEST(Redact, LeavesPortsAlone) {
  for (const char* text : {"http://127.0.0.1:8080: refused", "see http://127.0.0.1:8080.", "(http://127.0.0.1:8080)",
                           "mongodb://h1:27017,h2:27018/shop", "mongodb://[::1]:27017/x", "mongodb://[fe80::1]/x",
                           "mongodb://host[:port][/database]", "mongodb://127.0.0.1:27017, retrying; mail ann@x",
                           "mongodb://%2Ftmp%2Fmongodb.sock/x"}) {
    EXPECT_EQ(redact(text), text);
  }
}

TEST(Redact, LeavesOtherTextAlone) {
  EXPECT_EQ(redact("mail ann@example.net at 10:30"), "mail ann@example.net at 10:30");
  EXPECT_EQ(redact("mongodb://localhost:27017/bomba"), "mongodb://localhost:27017/bomba");
}

TEST(Redact, ShowsOfUnexpectedArgumentsOnlyWhatIsNoSecret) {
  const auto shown = [](std::vector<std::string> words) { return redact_arguments(words); };
  EXPECT_EQ(shown({"statsu"}), "statsu");
  EXPECT_EQ(shown({"statsu", "--api-token", "hunter", "two"}), "statsu --api-token *** ***");
  EXPECT_EQ(shown({"--api-token=hunter"}), "--api-token***");
  EXPECT_EQ(shown({"--api-token:hunter"}), "--api-token***");
  EXPECT_EQ(shown({"-phunter", "-v"}), "-p*** -v");
  EXPECT_EQ(shown({"Hunter22", "hunter@host", "averylongpasswordofplainletters", ""}), "*** *** *** ");
}

}  // namespace
}  // namespace dualsync
