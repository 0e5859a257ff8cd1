#include "dualsync/pipeline/collection_binding.h"

#include <gtest/gtest.h>

#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

const Namespace kOld{"shop", "old"};

class CollectionBindingTest : public test::QueueFixture {
 protected:
  void SetUp() override { open(); }

  static DdlEvent event(DdlEvent::Type type, const std::string& uuid) {
    DdlEvent e;
    e.type = type;
    e.ns = kBills;
    e.to = kOld;
    e.uuid = uuid;
    return e;
  }
  bool admits(const DdlEvent& e) {
    const auto admitted = CollectionBinding(*queue_).admits(e);
    EXPECT_TRUE(admitted.ok());
    return admitted.ok() && *admitted;
  }
  std::string bound(const Namespace& ns) { return *CollectionBinding(*queue_).bound(ns); }
  void bind(const Namespace& ns, const std::string& uuid) {
    ASSERT_TRUE(CollectionBinding(*queue_).bind(ns, uuid).ok());
  }
  void follow(const DdlEvent& e) { ASSERT_TRUE(CollectionBinding(*queue_).follow(e).ok()); }
};

TEST_F(CollectionBindingTest, ANameThatIsNotBoundAcceptsAny) {
  for (const auto type : {DdlEvent::Type::kCreate, DdlEvent::Type::kRename, DdlEvent::Type::kDrop})
    EXPECT_TRUE(admits(event(type, "one")));
}

TEST_F(CollectionBindingTest, AChangeOfAnotherCollectionIsNotAdmitted) {
  bind(kBills, "two");
  EXPECT_FALSE(admits(event(DdlEvent::Type::kDrop, "one")));
  EXPECT_FALSE(admits(event(DdlEvent::Type::kRename, "one")));
  EXPECT_FALSE(admits(event(DdlEvent::Type::kCreateIndexes, "one")));
  EXPECT_TRUE(admits(event(DdlEvent::Type::kDrop, "two")));
}

TEST_F(CollectionBindingTest, AReplayedRenameIsNotAdmittedWhenANewCollectionHasTheName) {
  bind(kBills, "one");
  follow(event(DdlEvent::Type::kRename, "one"));
  EXPECT_EQ(bound(kBills), "");
  EXPECT_EQ(bound(kOld), "one");
  bind(kBills, "two");
  EXPECT_FALSE(admits(event(DdlEvent::Type::kRename, "one")));
}

TEST_F(CollectionBindingTest, ARenameMustReplaceTheCollectionThatItReplacedOnLocal) {
  bind(kOld, "other");
  EXPECT_FALSE(admits(event(DdlEvent::Type::kRename, "one")));
  DdlEvent replacing = event(DdlEvent::Type::kRename, "one");
  replacing.target_uuid = "other";
  EXPECT_TRUE(admits(replacing));
}

TEST_F(CollectionBindingTest, ServersThatSendNoUuidAreBelieved) {
  bind(kBills, "two");
  EXPECT_TRUE(admits(event(DdlEvent::Type::kDrop, "")));
  follow(event(DdlEvent::Type::kDrop, ""));
  EXPECT_EQ(bound(kBills), "");
}

TEST_F(CollectionBindingTest, NamesTheDatabasesThatAreOurs) {
  bind(kBills, "two");
  bind({"shop", "orders"}, "three");
  bind({"crm", "people"}, "four");
  bind({"crm", "people"}, "");
  EXPECT_EQ(*CollectionBinding(*queue_).bound_databases(), std::set<std::string>{"shop"});
}

TEST_F(CollectionBindingTest, SurvivesARestart) {
  follow(event(DdlEvent::Type::kCreate, "one"));
  open();
  EXPECT_EQ(bound(kBills), "one");
}

}  // namespace
}  // namespace dualsync
