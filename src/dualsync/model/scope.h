// Scope: which namespaces are mirrored, and under which name each is kept on the backup.
//
// Threads  immutable after make(); any
// Rule     admin, local, config, our own metadata, scratch databases of drills and system collections are never in
//          scope
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/namespace.h"

namespace dualsync {

inline constexpr std::string_view kMetadataDatabase = "dualsync";
inline constexpr std::string_view kMetadataCollection = "__dualsync";
inline constexpr std::string_view kCanaryCollection = "canary";  // of kMetadataDatabase, on both sides

// The one collection of ours that is mirrored, and of it only the document of this installation.
inline bool is_canary(std::string_view db, std::string_view collection) {
  return db == kMetadataDatabase && collection == kCanaryCollection;
}

struct ScopeOptions {
  std::string local_db;                             // empty: all databases
  std::string backup_db;                            // where local_db goes; empty: the same name
  std::vector<std::string> included;                // `name`, `db.name`, `*` globs; empty: everything
  std::vector<std::string> excluded;                // as above; wins over included
  std::map<std::string, std::string> database_map;  // local -> backup
};

class Scope {
 public:
  explicit Scope(ScopeOptions options) : options_(std::move(options)) {}

  bool contains(std::string_view db, std::string_view collection) const;
  bool contains(const Namespace& ns) const { return contains(ns.db, ns.collection); }
  bool contains_database(std::string_view db) const;
  // A database that is in scope by its name, and kept out because another one is sent to that name on the backup: two
  // in one would take each other's documents for foreign. Whoever meets one says so.
  bool collides(std::string_view db) const;

  // Name on the backup. Collections keep theirs, and so does what is ours.
  std::string backup_database(std::string_view local_db) const;
  // The local database that is kept under this name on the backup.
  std::string local_database(std::string_view backup_db) const;
  Namespace to_backup(const Namespace& local) const { return {backup_database(local.db), local.collection}; }

  const std::string& single_database() const { return options_.local_db; }  // empty: the whole deployment
  const ScopeOptions& options() const { return options_; }

 private:
  ScopeOptions options_;
};

// `*` stands for any run of characters; everything else for itself.
bool glob_matches(std::string_view glob, std::string_view text);

// `name` speaks of a collection in any database, `db.name` of one database's. A collection's own name may hold dots,
// so a pattern with a dot is tried both ways.
bool any_glob_matches(const std::vector<std::string>& patterns, std::string_view db, std::string_view collection);

}  // namespace dualsync
