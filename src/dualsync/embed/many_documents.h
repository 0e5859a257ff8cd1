// NarrowedSelector: the selector of an update or delete of many documents, bounded to the `_id`s that it matches now.
//
// Rule     never matches what the selector does not; a document that begins to match meanwhile is left out, as the
//          server may leave it out of the command itself
// Errors   none: what cannot be read leaves the selector as it is
#pragma once

#include <mongoc/mongoc.h>

#include "dualsync/codec/bson.h"

namespace dualsync {

class NarrowedSelector {
 public:
  // Reads with the session, collation and hint of `opts` (may be null). Not `wanted`: the selector as it is.
  NarrowedSelector(mongoc_collection_t* collection, const bson_t* selector, const bson_t* opts, bool wanted);
  NarrowedSelector(const NarrowedSelector&) = delete;
  NarrowedSelector& operator=(const NarrowedSelector&) = delete;

  const bson_t* get() const { return narrowed_ ? narrow_.get() : selector_; }

 private:
  const bson_t* const selector_;
  BsonDoc narrow_;
  bool narrowed_ = false;
};

}  // namespace dualsync
