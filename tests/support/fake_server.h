// What a MongoDB in memory holds: see fake_store.h.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/ports/document_store.h"

namespace dualsync::test {

struct ById {
  bool operator()(const std::string& a, const std::string& b) const { return compare_ids(a, b) < 0; }
};
using Documents = std::map<std::string, std::string, ById>;  // {_id: ...} -> document

struct FakeServer {
  std::map<Namespace, Documents> data;
  std::map<Namespace, std::vector<std::string>> series;  // measurements of time series, in no order
  bool keeps_measurements = false;                       // removes none, as servers before 7.0
  OpTime time{100, 1};
  std::shared_ptr<std::mutex> writing = std::make_shared<std::mutex>();  // several writers at once; no reader beside
  bool down = false;
  bool digests = false;  // can give them
  int scans = 0;
  bool full = false;                                      // takes deletes only
  bool refuse_command = false;                            // the command as a whole, while it holds a refused document
  std::set<std::string> refused;                          // documents that validation does not let in
  std::vector<std::string> unique;                        // fields, each with a unique index of its own
  bool dollar_names = false;                              // a replace is refused as code 52, an insert is not
  std::vector<std::string> log;                           // "insert {...}" and so on, in the order applied
  std::map<Namespace, CollectionInfo> infos;              // of those that are not plain
  std::map<Namespace, std::vector<std::string>> indexes;  // beside that on `_id`
  std::map<std::string, Error> refuses;                   // "create shop.bills" and so on -> the answer

  CollectionInfo info_of(const Namespace& ns) const {
    const auto found = infos.find(ns);
    return found == infos.end() ? CollectionInfo{ns, CollectionInfo::Type::kCollection, {}, {}} : found->second;
  }
  // A collection or view with nothing in it.
  void make(const Namespace& ns, const std::string& uuid, const std::string& options = {},
            CollectionInfo::Type type = CollectionInfo::Type::kCollection) {
    data.try_emplace(ns);
    infos[ns] = {ns, type, options, uuid};
  }
  void put(const Namespace& ns, const std::string& document) { data[ns][id_key_of(document)] = document; }
  const Documents& documents(const Namespace& ns) const {  // none where there is no such namespace
    static const Documents kNone;
    const auto found = data.find(ns);
    return found == data.end() ? kNone : found->second;
  }
  std::optional<std::string> get(const Namespace& ns, const std::string& key) const {
    const auto found = documents(ns).find(key);
    return found == documents(ns).end() ? std::nullopt : std::optional<std::string>(found->second);
  }
};

inline Error unreachable() { return {ErrorKind::kConnectivity, "connection refused", "", 0}; }

}  // namespace dualsync::test
