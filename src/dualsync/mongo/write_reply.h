// What the server's answer to a write command says about each of its items.
//
// Shape    `sent`: the places of the command's items in `outcomes`, in the command's order
// Threads  pure functions
#pragma once

#include <bson/bson.h>

#include <span>
#include <string_view>
#include <vector>

#include "dualsync/ports/document_store.h"

namespace dualsync {

// Sets the outcomes that the reply's writeErrors speak of. Returns how many there were.
std::size_t apply_write_errors(const bson_t& reply, std::span<const std::size_t> sent, std::string_view what,
                               std::vector<WriteOutcome>* outcomes);

// The outcome that a reply with ok: 0 speaks of: in a transaction some servers answer so, and do not name the item.
WriteOutcome refused_outcome(const bson_t& reply, std::string_view what);

// Marks what an upsert inserted.
void apply_upserts(const bson_t& reply, std::span<const std::size_t> sent, std::vector<WriteOutcome>* outcomes);

}  // namespace dualsync
