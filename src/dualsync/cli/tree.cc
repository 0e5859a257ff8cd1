// Commands, flags and their help.
#include <fmt/format.h>

#include <map>

#include "dualsync/base/version.h"
#include "dualsync/cli/cli_tree.h"
#include "dualsync/cli/invocation.h"
#include "dualsync/config/config_fields.h"

namespace dualsync {
namespace {

void add_settings(CLI::App* command, bool for_mirror, Invocation* invocation) {
  for (const Field& field : config_fields()) {
    if (field.flag.empty() || (field.audience == Audience::kMirror && !for_mirror)) continue;
    std::string help = fmt::format("{} [{}]", field.help, field.env);
    if (!field.default_text.empty())
      help += fmt::format(" (default: {}{}{})", field.default_text, field.unit.empty() ? "" : " ", field.unit);
    const auto store = [invocation, &field](const std::string& text) {
      invocation->flags[std::string(field.env)] = text;
    };
    command->add_option_function<std::string>(std::string(field.flag), store, help)
        ->type_name(value_name(field))
        ->group(kSettingsGroup);
  }
}

void build_full_sync_tree(CLI::App* command, Invocation* invocation) {
  using Action = FullSyncCommand::Action;
  FullSyncCommand& wanted = invocation->full_sync;
  CLI::Option* names = command->add_option("NS", wanted.request.namespaces,
                                           "Collections: `name`, `db.name`, * globs; none: all that are mirrored");
  CLI::Option* keep =
      command->add_flag("--keep-extra", wanted.request.keep_extra, "Leave what only the backup has where it is");
  CLI::Option* dry = command->add_flag("--dry-run", invocation->dry_run,
                                       "Only compare and report, as `verify` does; exit 1 if it "
                                       "would change something");
  CLI::Option* detach = command->add_flag("--detach", wanted.detach, "Start it and do not wait for its end");
  const auto action = [&](const char* name, const char* help, Action chosen) {
    command
        ->add_flag_callback(
            name, [&wanted, chosen] { wanted.action = chosen; }, help)
        ->excludes(names)
        ->excludes(keep)
        ->excludes(dry)
        ->excludes(detach);
  };
  action("--status", "Show the newest one", Action::kStatus);
  action("--cancel", "Stop it; what is repaired stays so", Action::kCancel);
  command->add_flag("--json", invocation->json, "Print the outcome as JSON");
  add_settings(command, true, invocation);
}

void add_dead_letters(Tree* tree, Invocation* invocation) {
  using Action = DeadLettersRequest::Action;
  tree->dead_letters = tree->app.add_subcommand("dead-letters", "Operations that the backup refuses for good");
  tree->dead_letters->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, Action action, bool takes_all) {
    CLI::App* command = tree->dead_letters->add_subcommand(name, help);
    CLI::Option* ids = nullptr;
    if (action != Action::kList) ids = command->add_option("ID", invocation->dead_letters.ids, "As `list` shows it");
    if (action == Action::kShow) ids->required()->expected(1);
    if (takes_all) command->add_flag("--all", invocation->all, "All that are open")->excludes(ids);
    command->add_flag("--json", invocation->json, "Print the answer as JSON");
    add_settings(command, false, invocation);
    command->callback([invocation, action, takes_all] {
      invocation->dead_letters.action = action;
      if (takes_all && invocation->dead_letters.ids.empty() && !invocation->all)
        throw CLI::RequiredError("ID or --all");
    });
  };
  add("list", "Those that are open, oldest first", Action::kList, false);
  add("show", "One of them", Action::kShow, false);
  add("retry", "Send the documents as local holds them now", Action::kRetry, true);
  add("discard", "Forget them; the backup stays without those changes", Action::kDiscard, true);
}

void build_restore_tree(CLI::App* restore, Invocation* invocation) {
  RestoreRequest& request = invocation->restore;
  restore->add_option("NAMESPACE", request.namespaces, "Only these: `name`, `db.name`, `*` globs");
  restore->add_option("--namespace", invocation->more_namespaces, "The same; may be repeated")
      ->type_name("NAMESPACE")
      ->allow_extra_args(false);
  restore->callback([invocation] {
    auto& all = invocation->restore.namespaces;
    all.insert(all.end(), invocation->more_namespaces.begin(), invocation->more_namespaces.end());
  });
  restore->add_option("--id", request.ids, "Only the document with this _id (Extended JSON or text); may be repeated")
      ->type_name("ID")
      ->allow_extra_args(false);
  restore->add_option("--to", request.to, "URI of the target; a database in it takes the place of local's")
      ->type_name("URI");
  restore->add_flag("--force", request.force, "Replace what the target holds");
  restore->add_flag("--dry-run", request.dry_run, "Only say what would be done");
  restore->add_flag("--json", invocation->json, "Print the report as JSON");
  add_settings(restore, true, invocation);
}

void build_drill_tree(CLI::App* drill, Invocation* invocation) {
  DrillRequest& request = invocation->drill;
  drill->add_option("NAMESPACE", request.namespaces, "Only these: `name`, `db.name`, `*` globs");
  drill->add_option("--to", request.to, "URI of another server to restore into; its database is not used")
      ->type_name("URI");
  drill
      ->add_option("--compare-local", request.compare,
                   "Compare with local too: if the daemon says that the backup has caught up, always, or never "
                   "(default: auto)")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, CompareLocal>{
              {"auto", CompareLocal::kAuto}, {"always", CompareLocal::kAlways}, {"never", CompareLocal::kNever}},
          CLI::ignore_case))
      ->type_name("auto|always|never");
  drill->add_flag("--json", invocation->json, "Print the report as JSON");
  add_settings(drill, true, invocation);
}

void build_queue_tree(CLI::App* queue, Invocation* invocation) {
  using Action = QueueRequest::Action;
  queue->require_subcommand(1);
  QueueRequest& request = invocation->queue;
  const auto add = [&](const char* name, Action action, const char* help, const char* json_help) {
    CLI::App* command = queue->add_subcommand(name, help);
    command->callback([&request, action] { request.action = action; });
    command->add_flag("--json", invocation->json, json_help);
    add_settings(command, false, invocation);
    return command;
  };
  add("list", Action::kList, "The oldest operations, without document content", "Print them as JSON")
      ->add_option("--limit", request.limit, fmt::format("So many of them (default: {})", request.limit))
      ->check(CLI::Range(0, 100'000))
      ->type_name("NUMBER");
  add("check", Action::kCheck, "Verify every record; exit 8 if one is damaged. Works beside a running daemon",
      "Print the report as JSON");
  add("export", Action::kExport, "Write the queue as JSON, documents included", "Print the outcome as JSON")
      ->add_option("FILE", request.file, "Where to; none: stdout");
  CLI::App* import = add("import", Action::kImport, "Append the operations of an export; the daemon must be stopped",
                         "Print the outcome as JSON");
  import->add_option("FILE", request.file, "What `export` wrote")->required();
  import->add_flag("--as-recorded", request.as_recorded,
                   "Send the content of the file; without it each document is read again from local");
  add("clear", Action::kClear,
      "Remove every operation and mark what they concern to be compared and repaired; the daemon must be stopped",
      "Print the outcome as JSON")
      ->add_flag("--yes", request.yes, "Really do it");
}

void add_internal(Tree* tree, Invocation* invocation) {
  CLI::App* internal = tree->app.add_subcommand("internal", "For the build of dualsync itself")->group("");
  internal->require_subcommand(1);
  tree->settings_doc = internal->add_subcommand("settings-doc", "Print docs/settings.md");
  tree->write_docs = internal->add_subcommand("write-docs", "Write what is made from the commands themselves");
  tree->write_docs->add_option("DIR", invocation->directory, "The repository")->required();
}

void add_decisions(Tree* tree, Invocation* invocation) {
  tree->release =
      tree->app.add_subcommand("release", "Let the deletes that the mass-delete guard holds reach the backup");
  tree->discard = tree->app.add_subcommand("discard", "Keep the documents on the backup whose deletes the guard holds");
  for (CLI::App* command : {tree->release, tree->discard}) {
    command->add_option("NS", invocation->held_namespace, "The collection, as `db.name`; `dualsync status` names them")
        ->required();
    command->add_flag("--json", invocation->json, "Print the outcome as JSON");
    add_settings(command, false, invocation);
  }
}

void add_care(Tree* tree, Invocation* invocation) {
  CLI::App& app = tree->app;
  tree->report = app.add_subcommand("report", "The last day of the running daemon, in words");
  tree->report->add_flag("--json", invocation->json, "Print GET /api/sync/report");
  add_settings(tree->report, false, invocation);
  tree->doctor = app.add_subcommand(
      "doctor", "Check everything that the mirror needs, and say what to do; exit 1 if a check failed");
  tree->doctor->add_flag("--json", invocation->json, "Print the checks as JSON");
  add_settings(tree->doctor, true, invocation);
  tree->drain = app.add_subcommand(
      "drain", "Local is lost: send what the queue holds whole to the backup, and list what cannot be sent");
  tree->drain->add_flag("--without-local", invocation->without_local, "Local is not used at all; required");
  tree->drain->add_flag("--json", invocation->json, "Print the report as JSON");
  add_settings(tree->drain, true, invocation);
}

}  // namespace

void build_tree(Tree* tree, Invocation* invocation) {
  CLI::App& app = tree->app;
  app.set_version_flag("--version", fmt::format("dualsync {}", kVersion), "Print the version and exit");
  app.footer(
      "Every command has its own --help. Exit codes and JSON are described in docs/cli.md, settings in "
      "docs/settings.md.");
  const auto json_flag = [&](CLI::App* command, const char* help) {
    return command->add_flag("--json", invocation->json, help);
  };

  tree->run = app.add_subcommand("run", "Mirror in the foreground until SIGTERM or SIGINT");
  tree->run->add_flag("--json", invocation->json, "Log as JSON, an object a line, whatever SYNC_LOG_FORMAT says");
  add_settings(tree->run, true, invocation);

  tree->status = app.add_subcommand("status", "Verdict, RPO, queue and positions of the running daemon");
  CLI::Option* json = json_flag(tree->status, "Print GET /api/sync/status");
  tree->status->add_flag("--watch", invocation->watch, "Print it again every 2 seconds until Ctrl-C")->excludes(json);
  add_settings(tree->status, false, invocation);

  tree->wait = app.add_subcommand("wait", "Wait until every write made so far is on the backup");
  tree->wait
      ->add_option("--timeout", invocation->timeout_seconds,
                   fmt::format("Give up after so many seconds (default: {})", kWaitTimeoutDefault))
      ->check(CLI::Range(0, kWaitTimeoutMax))
      ->type_name("SECONDS");
  json_flag(tree->wait, "Print the outcome as JSON");
  add_settings(tree->wait, false, invocation);

  tree->pause = app.add_subcommand("pause", "Have the running daemon apply nothing to the backup until `resume`");
  tree->resume = app.add_subcommand("resume", "End a pause");
  for (CLI::App* command : {tree->pause, tree->resume}) {
    json_flag(command, "Print the outcome as JSON");
    add_settings(command, false, invocation);
  }

  add_decisions(tree, invocation);

  tree->verify = app.add_subcommand("verify", "Compare local and backup byte for byte; exit 1 on differences");
  tree->verify->add_option("NS", invocation->namespaces,
                           "Collections to compare: `name`, `db.name`, * globs; none: all that are mirrored");
  tree->verify->add_flag("--quick", invocation->quick,
                         "Read only what differs by the servers' own digests, where both have them (docs/verify.md)");
  json_flag(tree->verify, "Print the report as JSON");
  add_settings(tree->verify, true, invocation);

  tree->full_sync =
      app.add_subcommand("full-sync", "Have the running daemon compare everything and make the backup equal to local");
  build_full_sync_tree(tree->full_sync, invocation);

  tree->restore = app.add_subcommand("restore", "Copy the backup to local or elsewhere, and prove that it is there");
  build_restore_tree(tree->restore, invocation);
  tree->drill = app.add_subcommand(
      "drill", "Prove that the backup can be restored: into scratch databases, compared, dropped again");
  build_drill_tree(tree->drill, invocation);
  add_care(tree, invocation);
  add_dead_letters(tree, invocation);
  tree->adopt_local = app.add_subcommand(
      "adopt-local", "Take local as right, with the daemon stopped: the next start makes the backup equal to it");
  tree->adopt_local->add_flag("--yes", invocation->yes, "Really do it; without, only say what would happen");
  json_flag(tree->adopt_local, "Print the outcome as JSON");
  add_settings(tree->adopt_local, false, invocation);
  tree->queue = app.add_subcommand("queue", "Look at the queue on disk, check, export, import or clear it");
  build_queue_tree(tree->queue, invocation);

  tree->version = app.add_subcommand("version", "Print the version");
  json_flag(tree->version, "Print it as JSON");
  add_internal(tree, invocation);
}

void with_cli_tree(const std::function<void(const CLI::App&)>& use) {
  Invocation invocation;
  Tree tree;
  build_tree(&tree, &invocation);
  use(tree.app);
}

}  // namespace dualsync
