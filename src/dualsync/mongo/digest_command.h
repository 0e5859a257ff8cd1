// The aggregation by which a server reduces a range of documents to a few numbers.
//
// Shape    per document `$bsonSize` and `$toHashedIndexKey`, both summed. The hash alone takes every number for a
// 64-bit
//          integer, so each value goes in with its type, and what is not an integer in a form that loses little
// Rule     equal digests of unequal documents, besides accidents of a 64-bit sum: numbers nested in more than
// kTypedLevels
//          objects and arrays that differ in their type or behind the point; doubles with the same 15 digits that
//          differ by less than 2^-53; payloads of NaN
// Source   https://www.mongodb.com/docs/manual/reference/operator/aggregation/toHashedIndexKey/
#pragma once

#include "dualsync/codec/bson.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

constexpr int kTypedLevels = 4;  // the document, an array in it, an object in that, and one more

// kInvalidArgument: a bound without `_id`.
Result<void> build_digest_command(const Namespace& ns, const IdRange& range, BsonDoc* command);

// From the one document of the reply; none for a range without documents.
RangeDigest read_digest(std::string_view document);

}  // namespace dualsync
