// Result<T>: a value, or an Error that says what sort of failure it is, where, and what a person can do.
//
// Threads  a Result is a plain value.
// Errors   an ErrorKind exists only because some caller reacts to it in its own way; see the table below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "dualsync/base/check.h"

namespace dualsync {

enum class ErrorKind : std::uint8_t {
  kInvalidArgument,  // our mistake or bad input: report, never retry
  kConnectivity,     // server not reachable or not able to answer now: wait and try again, uses up no retry
  kThrottled,        // server asks for less: smaller batches, slower
  kDuplicateKey,     // 11000: on `_id` "already there", on another index a matter of order
  kHeal,             // the change does not fit what the backup holds: re-read the document (touch)
  kRefused,          // server refuses this content: retries, then dead letter
  kNotFound,         // namespace, index or cursor does not exist
  kPositionLost,     // local no longer has our position: gap
  kUnsupported,      // a permanent condition of the server, such as no change streams on a standalone
  kDenied,           // authentication or authorisation: a person has to act
  kQuota,            // the backup is full (8000)
  kConflict,         // someone else owns it: exit
  kCorruption,       // stored bytes are wrong: stop, never overwrite
  kIo,               // local disk failed
  kStopped,          // asked to stop
};

std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kInvalidArgument;
  std::string message;  // what failed, and on what
  std::string hint;     // what a person can do about it; may be empty
  int code = 0;         // the server's or system's code; 0 where there is none

  // The same error with the place where it happened in front.
  Error in(std::string_view where) const {
    Error copy = *this;
    copy.message = std::string(where) + ": " + message;
    return copy;
  }
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  T& value() & {
    DUALSYNC_CHECK(ok());
    return std::get<T>(state_);
  }
  const T& value() const& {
    DUALSYNC_CHECK(ok());
    return std::get<T>(state_);
  }
  T&& value() && {
    DUALSYNC_CHECK(ok());
    return std::get<T>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    DUALSYNC_CHECK(!ok());
    return std::get<Error>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    DUALSYNC_CHECK(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

// The only way to drop a result: says why that is right.
template <typename T>
void ignore_error(const Result<T>& /*result*/, std::string_view /*why*/) {}

// Returns the error of `expression` from the calling function.
#define DUALSYNC_TRY(expression)                                                                    \
  do {                                                                                              \
    if (auto dualsync_result = (expression); !dualsync_result.ok()) return dualsync_result.error(); \
  } while (false)

}  // namespace dualsync
