// Which documents a filter can match at most.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dualsync {

// The document keys, BSON {_id: ...}, of all that `filter` can match, and maybe more; none: nothing bounds it.
// `collation`: the command has one, so that a text may match other texts.
std::optional<std::vector<std::string>> ids_of_filter(std::string_view filter, bool collation);

}  // namespace dualsync
