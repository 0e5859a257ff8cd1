#include "dualsync/codec/index_key.h"

namespace dualsync {

void append_index_key(bson_t* to, const bson_iter_t& key_field) {
  bson_t key;
  bson_append_document_begin(to, "key", -1, &key);
  bson_iter_t part;
  if (bson_iter_recurse(&key_field, &part)) {
    while (bson_iter_next(&part)) {
      const bool direction = BSON_ITER_HOLDS_NUMBER(&part) && bson_iter_as_double(&part) != 0;
      const bool type_name = BSON_ITER_HOLDS_UTF8(&part) && !iter_string(part).value_or("").empty();
      if (direction || type_name) {
        bson_append_iter(&key, bson_iter_key(&part), -1, &part);
      } else {
        bson_append_int32(&key, bson_iter_key(&part), -1, 1);
      }
    }
  }
  bson_append_document_end(to, &key);
}

}  // namespace dualsync
