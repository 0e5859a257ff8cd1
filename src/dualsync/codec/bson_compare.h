// MongoDB's order of values, as an ascending index on `_id` (simple collation) yields documents.
//
// Shape    compares the `_id` of two documents or keys; numbers by value across types
// Threads  pure functions
// Source   the manual's "Comparison/Sort Order"; shown against real servers by tests/contract
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace dualsync {

// Both must have an `_id`.
std::strong_ordering compare_ids(std::string_view left, std::string_view right);

// Path of the first field at which two documents differ, such as `items.2.price`; empty if their bytes are equal.
std::string first_difference(std::string_view left, std::string_view right);

}  // namespace dualsync
