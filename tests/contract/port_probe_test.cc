// LocalProbe: what LocalGuard relies on.
#include "contract/port_sides.h"

namespace dualsync::test {
namespace {

FoundLocal identify(LocalProbe& probe) {
  auto found = probe.identify();
  EXPECT_TRUE(succeeds(found));
  return found.ok() ? *found : FoundLocal{};
}

LocalIdentity raise(LocalProbe& probe, const std::string& new_id) {
  auto raised = probe.raise_marker(new_id);
  EXPECT_TRUE(succeeds(raised));
  return raised.ok() ? *raised : LocalIdentity{};
}

// What raise_marker() returns of a marker: the set is not what it was asked for.
LocalIdentity marker(const std::string& id, std::int64_t count) { return {"", "", id, count}; }

TEST_P(ProbeContract, TheInstanceStaysEqualWhileTheSameProcessAnswers) {
  const auto instance = probe_->instance();
  ASSERT_TRUE(succeeds(instance));
  for (LocalProbe* const probe : {probe_.get(), other_.get()}) {
    for (int i = 0; i < 2; ++i) {
      const auto again = probe->instance();
      ASSERT_TRUE(succeeds(again));
      EXPECT_EQ(*again, *instance);
    }
    identify(*probe);
    raise(*probe, "an id");
  }
  EXPECT_EQ(*probe_->instance(), *instance) << "what is kept there is not the process";
}

TEST_P(ProbeContract, ALocalThatIsAskedTwiceIsTheSameAndIsLeftAsItIs) {
  const FoundLocal first = identify(*probe_);
  if (fresh_) {
    EXPECT_EQ(first.identity.marker, "") << "none is made by asking";
    EXPECT_EQ(first.identity.mark, 0);
  }
  EXPECT_TRUE(first.marker_known) << "this user may read it";
  for (LocalProbe* const probe : {probe_.get(), other_.get()}) {
    const FoundLocal again = identify(*probe);
    EXPECT_EQ(again.identity.set_name, first.identity.set_name);
    EXPECT_EQ(again.identity.set_id, first.identity.set_id);
    EXPECT_EQ(again.identity.marker, first.identity.marker);
    EXPECT_EQ(again.identity.mark, first.identity.mark);
    EXPECT_EQ(again.identity, first.identity) << "a field that this test does not know";
    EXPECT_EQ(again.marker_known, first.marker_known);
    EXPECT_EQ(again.newest.is_null(), first.newest.is_null());
    EXPECT_GE(again.newest, first.newest) << "time does not go back";
    EXPECT_FALSE(why_not_same(first.identity, again).has_value());
  }
}

TEST_P(ProbeContract, TheFirstRaiseMakesTheMarkerAndCountsOne) {
  const FoundLocal before = identify(*probe_);
  const LocalIdentity& old = before.identity;
  const LocalIdentity raised = raise(*probe_, "an id");
  EXPECT_EQ(raised, old.marker.empty() ? marker("an id", 1) : marker(old.marker, old.mark + 1));
  const FoundLocal after = identify(*other_);
  EXPECT_EQ(after.identity, (LocalIdentity{old.set_name, old.set_id, raised.marker, raised.mark}));
  EXPECT_TRUE(after.marker_known);
  EXPECT_GE(after.newest, before.newest);
}

TEST_P(ProbeContract, LaterRaisesKeepTheIdAndCountByOne) {
  const LocalIdentity first = raise(*probe_, "an id");
  EXPECT_FALSE(first.marker.empty());
  EXPECT_EQ(raise(*probe_, "another id"), marker(first.marker, first.mark + 1));
  EXPECT_EQ(raise(*other_, "a third id"), marker(first.marker, first.mark + 2)) << "of whichever process";
  EXPECT_EQ(raise(*probe_, ""), marker(first.marker, first.mark + 3));
  const FoundLocal found = identify(*other_);
  EXPECT_EQ(found.identity.marker, first.marker);
  EXPECT_EQ(found.identity.mark, first.mark + 3);
}

// What tells an older copy of local from the local that was raised since.
TEST_P(ProbeContract, ALocalFromBeforeARaiseIsNotTheSame) {
  raise(*probe_, "an id");
  const FoundLocal older = identify(*probe_);
  raise(*probe_, "an id");
  const FoundLocal now = identify(*probe_);
  EXPECT_FALSE(why_not_same(older.identity, now).has_value()) << "it has only gone on";
  EXPECT_TRUE(why_not_same(now.identity, older).has_value());
}

}  // namespace
}  // namespace dualsync::test
