// Two descriptions of updates of any bytes: exact or not, merged or not; what is merged is BSON.
#include <algorithm>

#include "dualsync/codec/delta.h"
#include "dualsync/codec/validate.h"
#include "fuzz/fuzz.h"

FUZZ(delta, input) {
  if (input.size() < 4) return;
  // Two documents one behind the other: the first says where the second begins.
  std::uint32_t length = 0;
  for (unsigned i = 0; i < 4; ++i)
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(input[i])) << (8 * i);
  const std::size_t cut = std::min<std::size_t>(length, input.size());
  const std::string_view older = input.substr(0, cut);
  const std::string_view newer = input.substr(cut);
  if (!dualsync::is_valid_bson(older) || !dualsync::is_valid_bson(newer)) return;
  if (!dualsync::is_exact_delta(older) || !dualsync::is_exact_delta(newer)) return;
  const auto merged = dualsync::merge_deltas(older, newer);
  if (merged) DUALSYNC_CHECK(dualsync::is_valid_bson(*merged));
}
