// What a server says about a document that fails its collection's validator (error 121), in words.
//
// Shape    "`n`: bsonType, type did not match; `m` is missing": the fields and rules, never a value of the document. At
//          most a few mismatches of a few levels; empty if there is nothing that can be named (servers before 5.0)
// Threads  pure function
#pragma once

#include <string>
#include <string_view>

namespace dualsync {

// `err_info`: the BSON of a write error's errInfo.
std::string describe_validation(std::string_view err_info);

}  // namespace dualsync
