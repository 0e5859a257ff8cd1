// Owners of libmongoc's handles: each pointer below destroys what it holds.
//
// Threads  as the handle itself: a pool is thread-safe, a client and what hangs on it has one user at a time
#pragma once

#include <mongoc/mongoc.h>

#include <memory>

namespace dualsync {

template <auto Destroy>
struct MongocDeleter {
  template <typename T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};

using UriPtr = std::unique_ptr<mongoc_uri_t, MongocDeleter<mongoc_uri_destroy>>;
using PoolPtr = std::unique_ptr<mongoc_client_pool_t, MongocDeleter<mongoc_client_pool_destroy>>;
using ClientPtr = std::unique_ptr<mongoc_client_t, MongocDeleter<mongoc_client_destroy>>;
using ClientSessionPtr = std::unique_ptr<mongoc_client_session_t, MongocDeleter<mongoc_client_session_destroy>>;
using SessionOptsPtr = std::unique_ptr<mongoc_session_opt_t, MongocDeleter<mongoc_session_opts_destroy>>;
using ServerDescriptionPtr =
    std::unique_ptr<mongoc_server_description_t, MongocDeleter<mongoc_server_description_destroy>>;
using ReadConcernPtr = std::unique_ptr<mongoc_read_concern_t, MongocDeleter<mongoc_read_concern_destroy>>;
using WriteConcernPtr = std::unique_ptr<mongoc_write_concern_t, MongocDeleter<mongoc_write_concern_destroy>>;
using ReadPrefsPtr = std::unique_ptr<mongoc_read_prefs_t, MongocDeleter<mongoc_read_prefs_destroy>>;

}  // namespace dualsync
