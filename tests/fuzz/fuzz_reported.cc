// A body of POST /api/sync/operations of any bytes is refused with words, or holds keys that are keys.
#include "dualsync/codec/reported_json.h"
#include "dualsync/codec/validate.h"
#include "fuzz/fuzz.h"

FUZZ(reported, input) {
  const auto changes = dualsync::parse_reported(input);
  if (!changes) DUALSYNC_CHECK(!changes.error().message.empty());
}
