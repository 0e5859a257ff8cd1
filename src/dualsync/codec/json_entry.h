// JsonEntry: one JSON object of those that name an operation: of a queue's export, or of what middleware reports.
//
// Shape    values are Extended JSON; a document that has no exact JSON form stands as `nameBson`, its BSON bytes as
//          {"$binary": ...}
// Order    each field is parsed when it is asked for, so that an error can name it
// Errors   kInvalidArgument: names the field and what is wrong with it
// Threads  plain value
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

Error wrong_field(const std::string& field, const std::string& what);

// BSON of an Extended JSON object; else what is wrong with it.
Result<std::string> parse_extended_json(std::string_view json);

class JsonEntry {
 public:
  Result<void> read(std::string_view text);
  bool has(const std::string& name) const;  // and is not null
  // {v: value}
  Result<std::string> wrapped(const std::string& name) const;
  Result<std::string> text(const std::string& name) const;
  Result<std::int64_t> number(const std::string& name) const;  // from 0; 0 where there is none
  // BSON of a document. Empty: there is none.
  Result<std::string> document(const std::string& name) const;
  Result<OpTime> time(const std::string& name) const;  // null where there is none
  Result<std::int64_t> unix_ms(const std::string& name) const;
  // The first field that is none of `known`; empty: there is none.
  std::string unknown_field(std::initializer_list<std::string_view> known) const;

 private:
  std::map<std::string, std::string> fields_;
};

// {_id: ...} from `filter`, or from `documentId`.
Result<std::string> document_key_of(const JsonEntry& entry);
// From `collection`. `default_database`: of one that names none; empty: that is an error. `database_alone`: that is
// allowed.
Result<Namespace> namespace_of(const JsonEntry& entry, const std::string& default_database, bool database_alone);

}  // namespace dualsync
