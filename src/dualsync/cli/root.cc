#include "dualsync/cli/root.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "dualsync/base/redact.h"
#include "dualsync/base/version.h"
#include "dualsync/cli/cli_docs.h"
#include "dualsync/cli/cli_tree.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/invocation.h"
#include "dualsync/config/config_fields.h"

namespace dualsync {
namespace {

int write_documents(const std::filesystem::path& root, std::ostream& out, std::ostream& err) {
  for (const auto& [path, content] : cli_documents()) {
    std::error_code failure;
    std::filesystem::create_directories((root / path).parent_path(), failure);
    std::ofstream file(root / path, std::ios::trunc);
    file << content << std::flush;
    if (!file) {
      err << "dualsync: cannot write " << (root / path).string() << '\n';
      return kExitFailed;
    }
    out << path << '\n';
  }
  return kExitOk;
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, std::ostream& err) {
  const CLI::App* command = &app;
  std::string name = "dualsync";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  const bool extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const std::string words = redact_arguments(app.remaining(true));
  err << "dualsync: " << (extras ? "nothing takes these arguments: " + words : redact(error.what())) << "\nhint: `"
      << name << " --help` lists what it takes\n";
  return kExitUsage;
}

int run_command(const Tree& tree, const Invocation& invocation, const CliHooks& hooks, std::ostream& out,
                std::ostream& err) {
  const auto load = [&] {
    Result<Settings> loaded = load_settings(invocation.flags, hooks.environment, hooks.env_file);
    if (loaded && tree.run->parsed() && invocation.json) loaded->log_format = log::Format::kJson;
    return loaded;
  };
  const Result<Settings> settings = load();
  const auto refuse = [&](const Error& error) { return report_error(out, err, invocation.json, error, kExitUsage); };
  const std::optional<std::string> no_color = hooks.environment("NO_COLOR");
  const bool colours = hooks.out_is_terminal && (!no_color || no_color->empty());
  if (!settings && tree.doctor->parsed())
    return report_doctor_settings(out, Style(colours), invocation.json, settings.error());
  if (!settings) return refuse(settings.error());
  if (tree.run->parsed()) {
    if (settings->enabled) {
      if (const Result<void> backup = require_backup(*settings); !backup) return refuse(backup.error());
    }
    return hooks.run(*settings, load);
  }
  const CommandContext context{hooks, *settings, out, err, Style(colours), invocation.json};
  if (tree.doctor->parsed()) return command_doctor(context);
  for (const std::string& warning : settings->warnings) err << "dualsync: warning: " << warning << '\n';
  if (tree.status->parsed()) return command_status(context, invocation.watch);
  if (tree.wait->parsed()) return command_wait(context, std::chrono::seconds(invocation.timeout_seconds));
  if (tree.pause->parsed() || tree.resume->parsed()) return command_pause(context, tree.pause->parsed());
  if (tree.release->parsed() || tree.discard->parsed())
    return command_decide_held(context, invocation.held_namespace, tree.release->parsed());
  if (tree.report->parsed()) return command_report(context);
  if (tree.dead_letters->parsed()) return command_dead_letters(context, invocation.dead_letters);
  if (tree.full_sync->parsed()) {
    return invocation.dry_run ? command_verify(context, {invocation.full_sync.request.namespaces, false})
                              : command_full_sync(context, invocation.full_sync);
  }
  if (tree.restore->parsed()) return command_restore(context, invocation.restore);
  if (tree.drill->parsed()) return command_drill(context, invocation.drill);
  if (tree.drain->parsed()) return command_drain(context, invocation.without_local);
  if (tree.adopt_local->parsed()) return command_adopt_local(context, invocation.yes);
  if (tree.queue->parsed()) return command_queue(context, invocation.queue);
  return command_verify(context, {invocation.namespaces, invocation.quick});
}

}  // namespace

int report_error(std::ostream& out, std::ostream& err, bool json, const Error& error, int exit_code) {
  const std::string message = redact(error.message);
  const std::string hint = redact(error.hint);
  if (json) {
    nlohmann::ordered_json body;
    body["error"] = {{"code", to_string(error.kind)}, {"message", message}, {"hint", hint}};
    out << body.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
  err << "dualsync: " << message << '\n';
  if (!hint.empty()) err << "hint: " << hint << '\n';
  return exit_code;
}

int run_cli(int argc, const char* const* argv, const CliHooks& hooks) {
  std::ostream& out = hooks.out == nullptr ? std::cout : *hooks.out;
  std::ostream& err = hooks.err == nullptr ? std::cerr : *hooks.err;
  Invocation invocation;
  Tree tree;
  build_tree(&tree, &invocation);
  try {
    tree.app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version
    tree.app.exit(success, out, err);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return usage_error(tree.app, error, err);
  }
  if (tree.app.get_subcommands().empty()) {
    err << tree.app.help();
    return kExitUsage;
  }
  if (tree.settings_doc->parsed()) {
    out << settings_markdown();
    return kExitOk;
  }
  if (tree.write_docs->parsed()) return write_documents(invocation.directory, out, err);
  if (tree.version->parsed()) {
    if (invocation.json) {
      out << nlohmann::ordered_json{{"version", kVersion}}.dump(2) << '\n';
    } else {
      out << "dualsync " << kVersion << '\n';
    }
    return kExitOk;
  }
  const int code = run_command(tree, invocation, hooks, out, err);
  out.flush();
  return code;
}

}  // namespace dualsync
