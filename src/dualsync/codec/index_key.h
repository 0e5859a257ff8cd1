// The `key` of an index definition, as today's servers take it.
//
// Threads  pure functions
#pragma once

#include "dualsync/codec/bson.h"

namespace dualsync {

// Appends the `key` at `key_field` as {key: {...}}. Servers up to 3.2 accepted any value as a direction, and such
// indexes live on; today's take a number that is not 0, or the name of an index type. What is neither has always meant
// "ascending".
void append_index_key(bson_t* to, const bson_iter_t& key_field);

}  // namespace dualsync
