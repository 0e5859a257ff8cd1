// The SchemaWriter of a MongoDB in memory, with a server's answers: an equal index is a success, two of one name or of
// one key are not.
#pragma once

#include <algorithm>
#include <string>

#include "dualsync/pipeline/index_sync.h"
#include "support/fake_server.h"

namespace dualsync::test {

class FakeSchemaWriter final : public SchemaWriter {
 public:
  explicit FakeSchemaWriter(FakeServer& server) : server_(server) {}

  Result<void> create_collection(const Namespace& ns, std::string_view options) override {
    if (auto no = answer("create", ns, !options.empty())) return *no;
    if (server_.data.contains(ns)) return {};
    bson_iter_t of_a_kind;
    auto type = CollectionInfo::Type::kCollection;
    if (find_field(options, "viewOn", &of_a_kind)) type = CollectionInfo::Type::kView;
    if (find_field(options, "timeseries", &of_a_kind)) type = CollectionInfo::Type::kTimeseries;
    if (type == CollectionInfo::Type::kTimeseries) server_.series.try_emplace(ns);
    server_.make(ns, "", std::string(options), type);
    return {};
  }
  Result<void> create_index(const Namespace& ns, std::string_view definition) override {
    if (auto no = answer("index", ns)) return *no;
    server_.data.try_emplace(ns);
    auto& indexes = server_.indexes[ns];
    for (const std::string& known : indexes) {
      if (index_name(known) == index_name(definition)) {
        if (comparable_index(known) == comparable_index(definition)) return {};
        return Error{ErrorKind::kConflict, "an index of that name", "", 86};
      }
      if (comparable_index_key(known) == comparable_index_key(definition))
        return Error{ErrorKind::kConflict, "an index of that key has another name", "", 85};
    }
    indexes.emplace_back(definition);
    server_.log.push_back("index " + index_name(definition));
    return {};
  }
  Result<void> drop_index(const Namespace& ns, const std::string& name) override {
    if (auto no = answer("dropIndex", ns)) return *no;
    auto& indexes = server_.indexes[ns];
    if (std::erase_if(indexes, [&](const std::string& each) { return index_name(each) == name; }) == 0)
      return not_found();
    server_.log.push_back("dropIndex " + name);
    return {};
  }
  // Fields of the options only, which take the place of those of that name.
  Result<void> modify_collection(const Namespace& ns, std::string_view changes) override {
    if (auto no = answer("modify", ns)) return *no;
    if (!server_.data.contains(ns)) return not_found();
    bson_iter_t index;
    if (find_field(changes, "index", &index)) {
      server_.log.push_back("modify index");
      return {};
    }
    CollectionInfo info = server_.info_of(ns);
    BsonDoc after;
    bson_iter_t iter;
    for (const std::string_view each : {changes, std::string_view(info.options)}) {
      if (!iterate_bson(each, &iter)) continue;
      while (bson_iter_next(&iter)) {
        if (!bson_has_field(after.get(), bson_iter_key(&iter)))
          bson_append_iter(after.get(), bson_iter_key(&iter), -1, &iter);
      }
    }
    info.options = after.str();
    server_.infos[ns] = info;
    server_.log.push_back("modify");
    return {};
  }
  Result<void> rename(const Namespace& from, const Namespace& to, bool drop_target) override {
    if (auto no = answer("rename", from)) return *no;
    if (!server_.data.contains(from)) return not_found();
    if (server_.data.contains(to) && !drop_target) return Error{ErrorKind::kConflict, "target exists", "", 48};
    server_.data[to] = server_.data.extract(from).mapped();
    take_along(&server_.infos, from, to);
    take_along(&server_.indexes, from, to);
    if (server_.infos.contains(to)) server_.infos[to].ns = to;
    return {};
  }
  Result<void> drop(const Namespace& ns) override {
    if (auto no = answer("drop", ns)) return *no;
    server_.infos.erase(ns);
    server_.indexes.erase(ns);
    return server_.data.erase(ns) > 0 ? Result<void>() : not_found();
  }

 private:
  static Result<void> not_found() { return Error{ErrorKind::kNotFound, "ns not found", "", 26}; }

  // `with_options` false: only what is refused without any ("create shop.bills, plain").
  std::optional<Error> answer(const std::string& command, const Namespace& ns, bool with_options = true) const {
    if (server_.down) return unreachable();
    const auto found = server_.refuses.find(command + " " + ns.full() + (with_options ? "" : ", plain"));
    return found == server_.refuses.end() ? std::nullopt : std::optional<Error>(found->second);
  }
  template <typename Map>
  static void take_along(Map* map, const Namespace& from, const Namespace& to) {
    map->erase(to);
    if (auto node = map->extract(from); !node.empty()) (*map)[to] = std::move(node.mapped());
  }

  FakeServer& server_;
};

}  // namespace dualsync::test
