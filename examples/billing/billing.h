// Billing: a shop's bills in MongoDB, written as any application with libmongoc is. Nothing in it knows of dualsync but
// the two calls that change many bills at once.
#pragma once

#include <mongoc/mongoc.h>

#include <cstdint>
#include <functional>
#include <string>

namespace dualsync {
class Middleware;
}

class Billing {
 public:
  Billing(mongoc_client_pool_t* pool, std::string database, dualsync::Middleware& middleware)
      : pool_(pool), database_(std::move(database)), middleware_(middleware) {}

  // Each returns what to say to the person at the desk. std::runtime_error: MongoDB refused, in its words.
  std::string open(const std::string& customer, std::int64_t cents);  // a new bill's number
  std::string add(std::int64_t number, std::int64_t cents);
  std::string pay(std::int64_t number);
  std::string remind();                             // all open bills
  std::string forget(const std::string& customer);  // all of a customer's bills
  std::string list();

 private:
  using Work = std::function<std::string(mongoc_collection_t* bills, mongoc_collection_t* counters)>;
  std::string with_collections(const Work& work);

  mongoc_client_pool_t* pool_;
  std::string database_;
  dualsync::Middleware& middleware_;
};
