// What a resume token of a real mongod tells of time. (Other servers' tokens are opaque.)
//
// Shape    {_data: "82" + 16 hex digits of the cluster time + ...}: a KeyString; 0x82 is its mark of a timestamp, whose
//          8 bytes are big-endian. Then, from token version 1 on: 2B02 or 2B04 (the version), and the kind of token: 29
//          is the number 0, a high-water mark ("everything before here has been seen"); an event's has 2C0100 (128).
// Source   MongoDB's resume_token.h and key_string, and tokens that real servers gave and people published
#pragma once

#include <optional>
#include <string_view>

#include "dualsync/model/op_time.h"

namespace dualsync {

struct TokenTime {
  OpTime time;
  bool high_water_mark = false;
};

// `token`: the BSON bytes of a resume token. Nothing if it is not mongod's KeyString.
std::optional<TokenTime> token_time(std::string_view token);

}  // namespace dualsync
