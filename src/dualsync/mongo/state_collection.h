// StateCollection: our own small collection on the backup, beside the user's data.
//
// Shape    `dualsync.state`, or `<database>.__dualsync` where the user may use no other; docs/formats/backup-state.md
// Order    reads and writes are of the majority
// Threads  one owner
// Errors   kConnectivity: a write may or may not have happened. kDenied: neither place may be used
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/namespace.h"
#include "dualsync/mongo/client_session.h"

namespace dualsync {

class StateCollection {
 public:
  // `database`: the one of the backup that the scope goes to; empty: the scope is all databases.
  StateCollection(std::shared_ptr<ClientPool> pool, const std::string& database);

  // The document of that `_id`; empty if there is none.
  Result<std::string> find(const std::string& id);
  // An update of one document; true if it matched (or was inserted).
  Result<bool> update(std::string_view query, std::string_view document, bool upsert, std::string_view what);
  // False: there is one of that `_id`.
  Result<bool> insert(std::string_view document, std::string_view what);

 private:
  // Runs `call` at the place in use; goes on to the next one if this user may not use it.
  template <typename T>
  Result<T> at_allowed_place(const std::function<Result<T>(const Namespace&)>& call);

  ClientSession session_;
  std::vector<Namespace> places_;
  std::size_t place_ = 0;
};

// Fields of the documents in it. What is missing or of another type is empty or 0.
inline void append_text(bson_t* to, const char* name, std::string_view text) {
  bson_append_utf8(to, name, -1, text.data(), static_cast<int>(text.size()));
}
inline std::string text_of(std::string_view document, const char* name) {
  bson_iter_t iter;
  if (!find_field(document, name, &iter)) return {};
  return std::string(iter_string(iter).value_or(std::string_view()));
}
inline std::int64_t number_of(std::string_view document, const char* name) {
  bson_iter_t iter;
  return find_field(document, name, &iter) && BSON_ITER_HOLDS_NUMBER(&iter) ? bson_iter_as_int64(&iter) : 0;
}

}  // namespace dualsync
