#include "dualsync/config/config_change.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

using Names = std::vector<std::string_view>;

TEST(ConfigChange, NamesWhatDiffersAndWhetherItCanTakeEffect) {
  Settings before;
  Settings after;
  EXPECT_EQ(compare_settings(before, after).live, Names{});
  EXPECT_EQ(compare_settings(before, after).fixed, Names{});
  after.lanes = before.lanes + 1;
  after.operations_per_second = 5;
  after.alert_url = "http://127.0.0.1/alerts";
  after.excluded_collections = {"logs"};
  after.http_listen.port = static_cast<std::uint16_t>(before.http_listen.port + 1);
  after.verify_interval = before.verify_interval + std::chrono::milliseconds(1);
  const SettingsChange change = compare_settings(before, after);
  EXPECT_EQ(change.live, (Names{"SYNC_MAX_OPS_PER_SECOND", "SYNC_VERIFY_INTERVAL", "SYNC_ALERT_URL"}));
  EXPECT_EQ(change.fixed, (Names{"SYNC_EXCLUDED_COLLECTIONS", "SYNC_LANES", "SYNC_HTTP_LISTEN"}));
}

}  // namespace
}  // namespace dualsync
