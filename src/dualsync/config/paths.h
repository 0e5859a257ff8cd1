// Names of the files in the data directory that more than one part of dualsync reads or writes.
//
// Threads  pure; any
#pragma once

#include <filesystem>
#include <string>

namespace dualsync {

std::filesystem::path api_token_path(const std::string& data_dir);    // <data>/api-token: 64 hex digits, mode 0600
std::filesystem::path api_address_path(const std::string& data_dir);  // <data>/api-address: 127.0.0.1:8787
std::filesystem::path drill_lock_path(const std::string& data_dir);   // <data>/drill: 8 hex digits, mode 0600

}  // namespace dualsync
