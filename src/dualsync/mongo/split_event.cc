#include "dualsync/mongo/split_event.h"

#include <fmt/format.h>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

int int_field(const bson_iter_t& iter) {
  return BSON_ITER_HOLDS_NUMBER(&iter) ? static_cast<int>(bson_iter_as_int64(&iter)) : 0;
}

// The bytes of a document's elements, without its length and end mark.
std::string_view elements_of(std::string_view document) { return document.substr(4, document.size() - 5); }

}  // namespace

std::optional<Fragment> fragment_of(std::string_view event) {
  // Asked of every event; going through the fields of each costs more than looking for these bytes.
  constexpr std::string_view kMark("\x03splitEvent", 12);
  if (event.find(kMark) == std::string_view::npos) return std::nullopt;
  bson_iter_t iter;
  bson_iter_t part;
  if (!find_field(event, "splitEvent", &iter) || !bson_iter_recurse(&iter, &part)) {
    return std::nullopt;
  }
  Fragment fragment;
  while (bson_iter_next(&part)) {
    const std::string_view name = bson_iter_key(&part);
    if (name == "fragment") fragment.number = int_field(part);
    if (name == "of") fragment.of = int_field(part);
  }
  if (fragment.of <= 1) return std::nullopt;
  return fragment;
}

Result<std::string> SplitEventJoiner::add(std::string_view event, const Fragment& fragment) {
  if (fragment.number != last_number_ + 1 || fragment.number > fragment.of) {
    reset();
    return Error{ErrorKind::kCorruption,
                 fmt::format("fragment {} of {} of a change event came out of order", fragment.number, fragment.of), "",
                 0};
  }
  const bool last = fragment.number == fragment.of;
  bson_iter_t iter;
  if (!iterate_bson(event, &iter)) {
    reset();
    return Error{ErrorKind::kCorruption, "a fragment of a change event is no BSON document", "", 0};
  }
  BsonDoc kept;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "splitEvent" || (name == "_id" && !last)) continue;
    append_value(kept.get(), name, iter);
  }
  fields_ += elements_of(kept.bytes());
  last_number_ = fragment.number;
  if (!last) return std::string();
  const std::uint32_t length = BSON_UINT32_TO_LE(static_cast<std::uint32_t>(fields_.size() + 5));
  std::string whole(reinterpret_cast<const char*>(&length), sizeof length);
  whole += fields_;
  whole += '\0';
  reset();
  return whole;
}

}  // namespace dualsync
