// A body of any request of the API of any bytes is refused with words, or is an order within its bounds.
#include "dualsync/api/drill_json.h"
#include "dualsync/api/full_sync_json.h"
#include "dualsync/api/request_body.h"
#include "dualsync/api/verify_json.h"
#include "fuzz/fuzz.h"

FUZZ(body, input) {
  constexpr std::size_t kNamespacesMax = 1000;
  const auto verify = dualsync::parse_verify_order(input);
  DUALSYNC_CHECK(verify ? verify->namespaces.size() <= kNamespacesMax : !verify.error().message.empty());
  const auto full_sync = dualsync::parse_full_sync_request(input);
  DUALSYNC_CHECK(full_sync ? full_sync->namespaces.size() <= kNamespacesMax : !full_sync.error().message.empty());
  const auto drill = dualsync::parse_drill_order(input);
  DUALSYNC_CHECK(drill ? drill->namespaces.size() <= kNamespacesMax : !drill.error().message.empty());
  const auto empty = dualsync::require_empty_body(input);
  if (empty && !input.empty()) DUALSYNC_CHECK(verify && full_sync && drill);
}
