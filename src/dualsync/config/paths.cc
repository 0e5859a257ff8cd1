#include "dualsync/config/paths.h"

namespace dualsync {

std::filesystem::path api_token_path(const std::string& data_dir) {
  return std::filesystem::path(data_dir) / "api-token";
}

std::filesystem::path api_address_path(const std::string& data_dir) {
  return std::filesystem::path(data_dir) / "api-address";
}

std::filesystem::path drill_lock_path(const std::string& data_dir) { return std::filesystem::path(data_dir) / "drill"; }

}  // namespace dualsync
