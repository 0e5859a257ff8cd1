// What the command line may say, and what it said.
//
// Threads  one owner
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "dualsync/cli/cmd_queue.h"
#include "dualsync/cli/commands.h"

namespace dualsync {

inline constexpr int kWaitTimeoutDefault = 60;     // seconds
inline constexpr int kWaitTimeoutMax = 24 * 3600;  // seconds; the API's own bound

// What the command line said. `flags` holds settings only.
struct Invocation {
  FlagValues flags;
  bool json = false;
  bool watch = false;
  bool yes = false;
  bool without_local = false;
  int timeout_seconds = kWaitTimeoutDefault;
  std::vector<std::string> namespaces;
  RestoreRequest restore;
  FullSyncCommand full_sync;
  bool dry_run = false;
  bool quick = false;
  DrillRequest drill;
  std::vector<std::string> more_namespaces;  // of restore's --namespace
  DeadLettersRequest dead_letters;
  std::string held_namespace;  // of release and discard
  bool all = false;
  QueueRequest queue;
  std::string directory;
};

struct Tree {
  CLI::App app{"Keeps a MongoDB Atlas cluster a live, provable backup of a local MongoDB", "dualsync"};
  CLI::App* run = nullptr;
  CLI::App* status = nullptr;
  CLI::App* wait = nullptr;
  CLI::App* pause = nullptr;
  CLI::App* release = nullptr;
  CLI::App* discard = nullptr;
  CLI::App* resume = nullptr;
  CLI::App* verify = nullptr;
  CLI::App* full_sync = nullptr;
  CLI::App* dead_letters = nullptr;
  CLI::App* restore = nullptr;
  CLI::App* drill = nullptr;
  CLI::App* report = nullptr;
  CLI::App* doctor = nullptr;
  CLI::App* adopt_local = nullptr;
  CLI::App* drain = nullptr;
  CLI::App* queue = nullptr;
  CLI::App* version = nullptr;
  CLI::App* settings_doc = nullptr;
  CLI::App* write_docs = nullptr;
};

void build_tree(Tree* tree, Invocation* invocation);

}  // namespace dualsync
