#include "dualsync/mongo/validation_details.h"

#include <vector>

#include "dualsync/base/redact.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr int kDepthMax = 24;  // of the answer; a schema nests about three levels of it for each of its own
constexpr std::size_t kMismatchesMax = 5;
constexpr std::size_t kNameMax = 100;

std::string shown(std::string_view text) { return redact(std::string(text.substr(0, kNameMax))); }

class Mismatches {
 public:
  // One level of the answer. `path` is of the document's fields, as far as the levels above have named them.
  void read(const bson_iter_t& at, const std::string& path, int depth) {
    bson_iter_t field;
    if (depth > kDepthMax || !bson_iter_recurse(&at, &field)) return;
    if (BSON_ITER_HOLDS_ARRAY(&at)) {
      while (bson_iter_next(&field)) read(field, path, depth + 1);
      return;
    }
    Level level;
    level.path = path;
    std::vector<BsonIter> below;
    while (bson_iter_next(&field)) take(field, &level, &below);
    for (const BsonIter& child : below) read(child.at, level.path, depth + 1);
    for (const std::string& name : level.missing) add("`" + joined(level.path, name) + "` is missing");
    for (const std::string& name : level.surplus) add("`" + joined(level.path, name) + "` is not allowed");
    if (level.reason.empty()) return;
    add((level.path.empty() ? "" : "`" + level.path + "`: ") + (level.rule.empty() ? "" : level.rule + ", ") +
        level.reason);
  }

  std::string text() const {
    std::string all;
    for (const std::string& one : found_) all += (all.empty() ? "" : "; ") + one;
    return more_ ? all + "; and more" : all;
  }

 private:
  struct Level {
    std::string path;
    std::string rule;
    std::string reason;
    std::vector<std::string> missing;
    std::vector<std::string> surplus;
  };

  static std::string joined(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  // Values of the document (consideredValue, failingDocumentId) are passed over.
  static void take(const bson_iter_t& field, Level* level, std::vector<BsonIter>* below) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "operatorName") {
      level->rule = shown(iter_string(field).value_or(""));
    } else if (name == "reason") {
      level->reason = shown(iter_string(field).value_or(""));
    } else if (name == "propertyName") {
      level->path = joined(level->path, shown(iter_string(field).value_or("")));
    } else if (name == "missingProperties") {
      names(field, &level->missing);
    } else if (name == "additionalProperties") {
      names(field, &level->surplus);
    } else if (name == "specifiedAs") {
      field_of_rule(field, level);
    } else if (BSON_ITER_HOLDS_DOCUMENT(&field) || BSON_ITER_HOLDS_ARRAY(&field)) {
      if (name == "details" || name.ends_with("NotSatisfied") || name.ends_with("Satisfied")) below->push_back({field});
    }
  }

  // Of a rule in the query language, {field: {$type: ...}}: the field that it is about.
  static void field_of_rule(const bson_iter_t& rule, Level* level) {
    bson_iter_t field;
    if (!bson_iter_recurse(&rule, &field) || !bson_iter_next(&field)) return;
    const std::string_view name = bson_iter_key(&field);
    if (level->rule.starts_with('$') && !name.empty() && name.front() != '$')
      level->path = joined(level->path, shown(name));
  }

  static void names(const bson_iter_t& list, std::vector<std::string>* out) {
    bson_iter_t item;
    if (!BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &item)) return;
    while (bson_iter_next(&item) && out->size() <= kMismatchesMax)
      out->push_back(shown(iter_string(item).value_or("")));
  }

  void add(std::string mismatch) {
    if (found_.size() < kMismatchesMax) {
      found_.push_back(std::move(mismatch));
    } else {
      more_ = true;
    }
  }

  std::vector<std::string> found_;
  bool more_ = false;
};

}  // namespace

std::string describe_validation(std::string_view err_info) {
  bson_iter_t details;
  Mismatches mismatches;
  if (find_field(err_info, "details", &details)) mismatches.read(details, "", 0);
  return mismatches.text();
}

}  // namespace dualsync
