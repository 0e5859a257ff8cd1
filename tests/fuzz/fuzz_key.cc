// Keys of any bytes: what is BSON has a canonical form, an order that is one, and an Extended JSON that comes back.
#include <compare>
#include <string>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/codec/validate.h"
#include "fuzz/fuzz.h"

FUZZ(key, input) {
  if (!dualsync::is_valid_bson(input)) return;
  std::string canonical;
  if (!dualsync::append_canonical_key(input, &canonical)) {
    DUALSYNC_CHECK(canonical.empty());
    return;
  }
  const std::string key = dualsync::id_key_of(input);
  DUALSYNC_CHECK(!key.empty());
  DUALSYNC_CHECK(dualsync::compare_ids(input, key) == std::strong_ordering::equal);
  DUALSYNC_CHECK(dualsync::first_difference(input, input).empty());
  const std::string one = dualsync::id_key_from_text("1");
  const auto there = dualsync::compare_ids(key, one);
  const auto back = dualsync::compare_ids(one, key);
  DUALSYNC_CHECK((there < 0 && back > 0) || (there > 0 && back < 0) || (there == 0 && back == 0));
  (void)dualsync::id_key_from_text(input);
}
