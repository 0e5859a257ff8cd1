// The files that the binary carries and serves as they are: the dashboard, and the contract of the API.
//
// Threads  any
#pragma once

#include <string_view>

namespace dualsync {

struct Asset {
  std::string_view path;  // of the request: "/", "/assets/dashboard.js"
  std::string_view content_type;
  std::string_view content;
};

const Asset* find_asset(std::string_view path);  // null: there is none

}  // namespace dualsync
