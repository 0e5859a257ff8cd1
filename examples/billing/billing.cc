#include "billing.h"

#include <dualsync/middleware.h>

#include <memory>
#include <stdexcept>

namespace {

// Owns what BCON_NEW made.
class Document {
 public:
  explicit Document(bson_t* document) : document_(document) {}
  ~Document() { bson_destroy(document_); }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  const bson_t* get() const { return document_; }

 private:
  bson_t* document_;
};

struct CollectionDestroy {
  void operator()(mongoc_collection_t* collection) const { mongoc_collection_destroy(collection); }
};
using Collection = std::unique_ptr<mongoc_collection_t, CollectionDestroy>;

void require(bool done, const bson_error_t& error) {
  if (!done) throw std::runtime_error(error.message);
}

std::int64_t number_in(const bson_t& document, const char* dotted) {
  bson_iter_t iter;
  bson_iter_t found;
  if (!bson_iter_init(&iter, &document) || !bson_iter_find_descendant(&iter, dotted, &found)) return 0;
  return bson_iter_as_int64(&found);
}

// The next bill's number, from a counter in the database.
std::int64_t next_number(mongoc_collection_t* counters) {
  const Document query(BCON_NEW("_id", "bills"));
  const Document update(BCON_NEW("$inc", "{", "last", BCON_INT64(1), "}"));
  mongoc_find_and_modify_opts_t* opts = mongoc_find_and_modify_opts_new();
  mongoc_find_and_modify_opts_set_update(opts, update.get());
  mongoc_find_and_modify_opts_set_flags(opts, static_cast<mongoc_find_and_modify_flags_t>(
                                                  MONGOC_FIND_AND_MODIFY_UPSERT | MONGOC_FIND_AND_MODIFY_RETURN_NEW));
  bson_t reply;
  bson_error_t error;
  const bool done = mongoc_collection_find_and_modify_with_opts(counters, query.get(), opts, &reply, &error);
  const std::int64_t number = done ? number_in(reply, "value.last") : 0;
  bson_destroy(&reply);
  mongoc_find_and_modify_opts_destroy(opts);
  require(done, error);
  return number;
}

std::string euros(std::int64_t cents) {
  const std::string rest = std::to_string(cents % 100);
  return std::to_string(cents / 100) + "." + (rest.size() == 1 ? "0" : "") + rest;
}

std::string update_bill(mongoc_collection_t* bills, std::int64_t number, const bson_t* change) {
  const Document query(BCON_NEW("_id", BCON_INT64(number), "state", "{", "$ne", "paid", "}"));
  bson_t reply;
  bson_error_t error;
  const bool done = mongoc_collection_update_one(bills, query.get(), change, nullptr, &reply, &error);
  const std::int64_t matched = done ? number_in(reply, "matchedCount") : 0;
  bson_destroy(&reply);
  require(done, error);
  return matched == 1 ? "done" : "there is no open bill " + std::to_string(number);
}

}  // namespace

std::string Billing::with_collections(const Work& work) {
  const auto give_back = [this](mongoc_client_t* client) { mongoc_client_pool_push(pool_, client); };
  const std::unique_ptr<mongoc_client_t, decltype(give_back)> client(mongoc_client_pool_pop(pool_), give_back);
  const Collection bills(mongoc_client_get_collection(client.get(), database_.c_str(), "bills"));
  const Collection counters(mongoc_client_get_collection(client.get(), database_.c_str(), "counters"));
  return work(bills.get(), counters.get());
}

std::string Billing::open(const std::string& customer, std::int64_t cents) {
  return with_collections([&](mongoc_collection_t* bills, mongoc_collection_t* counters) {
    const std::int64_t number = next_number(counters);
    const Document bill(BCON_NEW("_id", BCON_INT64(number), "customer", BCON_UTF8(customer.c_str()), "cents",
                                 BCON_INT64(cents), "state", "open"));
    bson_error_t error;
    require(mongoc_collection_insert_one(bills, bill.get(), nullptr, nullptr, &error), error);
    return "bill " + std::to_string(number);
  });
}

std::string Billing::add(std::int64_t number, std::int64_t cents) {
  return with_collections([&](mongoc_collection_t* bills, mongoc_collection_t*) {
    const Document change(BCON_NEW("$inc", "{", "cents", BCON_INT64(cents), "}"));
    return update_bill(bills, number, change.get());
  });
}

std::string Billing::pay(std::int64_t number) {
  return with_collections([&](mongoc_collection_t* bills, mongoc_collection_t*) {
    const Document change(
        BCON_NEW("$set", "{", "state", "paid", "}", "$currentDate", "{", "paidAt", BCON_BOOL(true), "}"));
    return update_bill(bills, number, change.get());
  });
}

std::string Billing::remind() {
  return with_collections([&](mongoc_collection_t* bills, mongoc_collection_t*) {
    const Document query(BCON_NEW("state", "open"));
    const Document change(BCON_NEW("$inc", "{", "reminders", BCON_INT32(1), "}"));
    bson_t reply;
    bson_error_t error;
    // As mongoc_collection_update_many(), but the middleware hears which bills.
    const bool done = middleware_.update_many(bills, query.get(), change.get(), nullptr, &reply, &error);
    const std::int64_t count = done ? number_in(reply, "modifiedCount") : 0;
    bson_destroy(&reply);
    require(done, error);
    return std::to_string(count) + " reminded";
  });
}

std::string Billing::forget(const std::string& customer) {
  return with_collections([&](mongoc_collection_t* bills, mongoc_collection_t*) {
    const Document query(BCON_NEW("customer", BCON_UTF8(customer.c_str())));
    bson_t reply;
    bson_error_t error;
    const bool done = middleware_.delete_many(bills, query.get(), nullptr, &reply, &error);
    const std::int64_t count = done ? number_in(reply, "deletedCount") : 0;
    bson_destroy(&reply);
    require(done, error);
    return std::to_string(count) + " forgotten";
  });
}

std::string Billing::list() {
  return with_collections([&](mongoc_collection_t* bills, mongoc_collection_t*) {
    const Document all(bson_new());
    const Document sorted(BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}"));
    mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(bills, all.get(), sorted.get(), nullptr);
    std::string text;
    const bson_t* bill = nullptr;
    while (mongoc_cursor_next(cursor, &bill)) {
      bson_iter_t customer;
      bson_iter_t state;
      if (!bson_iter_init_find(&customer, bill, "customer") || !bson_iter_init_find(&state, bill, "state")) continue;
      text += (text.empty() ? "" : "\n") + std::to_string(number_in(*bill, "_id")) + "  " +
              bson_iter_utf8(&customer, nullptr) + "  " + euros(number_in(*bill, "cents")) + "  " +
              bson_iter_utf8(&state, nullptr);
    }
    bson_error_t error;
    const bool failed = mongoc_cursor_error(cursor, &error);
    mongoc_cursor_destroy(cursor);
    require(!failed, error);
    return text.empty() ? "no bills" : text;
  });
}
