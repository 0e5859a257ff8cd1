// Differences of indexes and collection options, apart from what a mirror may change.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dualsync {

// Option name -> its value's bytes, without capped sizes, uuid and what is as a server has it by default.
std::map<std::string, std::string> comparable_options(std::string_view options);

// One sentence for each difference.
std::vector<std::string> different_options(std::string_view local, std::string_view backup);
std::vector<std::string> different_indexes(const std::vector<std::string>& local,
                                           const std::vector<std::string>& backup);

// What collMod has to change so that the backup's options are local's, as far as collMod can; empty: nothing.
std::string option_repairs(std::string_view local, std::string_view backup);

// Of a collection's options those that the backup leaves out but keeps for `restore`; empty: none.
std::string bounds_of(std::string_view options);

// The same of what only the restored collection has again: capped sizes, and the TTLs of indexes that both have.
std::vector<std::string> different_bounds(std::string_view local, std::string_view restored);
std::vector<std::string> different_ttls(const std::vector<std::string>& local,
                                        const std::vector<std::string>& restored);

}  // namespace dualsync
