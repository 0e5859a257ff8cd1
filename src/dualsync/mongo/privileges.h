// What the user of a connection may do, as `connectionStatus` with showPrivileges tells it.
//
// Rule     a database's own collections count; system collections do not
// Threads  plain values
#pragma once

#include <bson/bson.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dualsync {

class Privileges {
 public:
  // From the reply of connectionStatus.
  static Privileges read(const bson_t& reply);

  // False: nobody is logged in, or the server does not tell. Then every question is answered with yes.
  bool known() const { return known_; }
  const std::string& user() const { return user_; }
  // On every collection of `db`.
  bool allows(std::string_view db, std::string_view action) const;
  bool allows_on_cluster(std::string_view action) const;
  // On every collection of every database.
  bool allows_everywhere(std::string_view action) const;

 private:
  struct One {
    std::string db;
    std::string collection;
    bool whole_database = false;  // `collection` is empty
    bool every_database = false;  // `db` is empty
    bool cluster = false;
    bool any = false;
    std::set<std::string, std::less<>> actions;
  };
  bool known_ = false;
  std::string user_;
  std::vector<One> all_;
};

}  // namespace dualsync
