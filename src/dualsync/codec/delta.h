// Deltas: a change event's updateDescription, and when two of them merge.
//
// Shape    {updatedFields: {path: value, ...}, removedFields: [path, ...]}, other members are ignored
// Rule     a delta is used only where it is provably the same change byte for byte; everything else is a touch
// Threads  pure functions
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dualsync {

// False if replaying the description could end in other bytes than the original change: an array cut short, a numeric
// path part, a field name with a literal dot or `$`, an empty path part, or a dotted path from a server that does not
// tell literal dots apart (no `disambiguatedPaths`).
bool is_exact_delta(std::string_view update_description);

// The one delta that equals `older` followed by `newer`; nothing if only a touch does: a path of the one is a prefix of
// a path of the other, or a path is removed in one and set in the other (a new field takes its place in an order that a
// merge does not know), or there are too many paths for a merge to be worth it.
std::optional<std::string> merge_deltas(std::string_view older, std::string_view newer);

}  // namespace dualsync
