// Canonical bytes of a document's key.
//
// Shape    two `_id` values that MongoDB's `_id` index holds equal (1, 1L, 1.0, Decimal128("1.0"), also inside
// documents
//          and arrays) give the same bytes; values that it holds different give different bytes
// Threads  pure functions
// Source   the server's comparison rules for numbers across types; shown against a real `_id` index by
//          tests/contract/document_key_contract_test.cc
#pragma once

#include <string>
#include <string_view>

namespace dualsync {

// Appends the canonical form of `document_key` ({_id: ..., shard key fields}) to `out`.
// False: the bytes are not a BSON document with an `_id`; `out` is as it was.
bool append_canonical_key(std::string_view document_key, std::string* out);

// {_id: value} of a whole document. Empty if there is no `_id`.
std::string id_key_of(std::string_view document);

// The value of {_id: value} as canonical Extended JSON, for people; nothing of an empty key.
std::string id_to_json(const std::string& key);

// {_id: value} from what a person types: Extended JSON, or else the text itself as a string.
std::string id_key_from_text(std::string_view text);

}  // namespace dualsync
