#include "dualsync/base/redact.h"

#include <gtest/gtest.h>

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

TEST(Redact, LeavesOtherTextAlone) {
  EXPECT_EQ(redact("mail ann@example.net at 10:30"), "mail ann@example.net at 10:30");
  EXPECT_EQ(redact("mongodb://localhost:27017/bomba"), "mongodb://localhost:27017/bomba");
}

}  // namespace
}  // namespace dualsync
