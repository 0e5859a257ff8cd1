#include "dualsync/cli/cmd_queue.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "dualsync/base/clock.h"
#include "dualsync/base/time_text.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/codec/bson.h"
#include "dualsync/json/value_json.h"
#include "dualsync/queue/queue_admin.h"
#include "dualsync/queue/queue_inspect.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

std::string directory_of(const CommandContext& context) { return context.settings.data_dir + "/queue"; }

int failed(const CommandContext& context, const Error& error) {
  return report_error(context.out, context.err, context.json, error, exit_code_of(error.kind));
}

void print_json(const CommandContext& context, const Json& body) {
  context.out << body.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

// The database that a MongoDB URI names; empty: none.
std::string database_of(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::size_t slash = uri.find('/', scheme + 3);
  if (slash == std::string_view::npos) return {};
  return std::string(uri.substr(slash + 1, uri.find('?', slash) - slash - 1));
}

int list(const CommandContext& context, const QueueRequest& request) {
  const auto listing = list_queue(directory_of(context), request.limit);
  if (!listing) return failed(context, listing.error());
  if (context.json) {
    print_json(context, queue_listing_json(*listing));
    return kExitOk;
  }
  if (listing->total == 0) {
    context.out << "the queue is empty\n";
    return kExitOk;
  }
  constexpr std::size_t kKeyShown = 60;
  context.out << fmt::format("{:>10}  {:<8} {:>10}  {:>8}  {}\n", "NUMBER", "TYPE", "BYTES", "ATTEMPTS", "DOCUMENT");
  for (const ListedOperation& op : listing->operations) {
    std::string key = op.document_key.empty() ? "" : printable(to_json(op.document_key));
    if (key.size() > kKeyShown) key = key.substr(0, kKeyShown) + "...";
    context.out << fmt::format("{:>10}  {:<8} {:>10}  {:>8}  {} {}\n", op.seq, to_string(op.kind), op.bytes,
                               op.attempts, printable(op.ns.full()), key);
  }
  context.out << fmt::format("the oldest {} of {}\n", human_count(listing->operations.size()),
                             plural(listing->total, "operation"));
  return kExitOk;
}

// One line that is overwritten, a few times a second.
class CheckProgress {
 public:
  CheckProgress(std::ostream& stream, bool drawn) : stream_(stream), drawn_(drawn) {}
  ~CheckProgress() {
    if (shown_) stream_ << kClearLine << std::flush;
  }
  CheckProgress(const CheckProgress&) = delete;
  CheckProgress& operator=(const CheckProgress&) = delete;

  void show(std::uint64_t done, std::uint64_t total) {
    const SteadyTime now = system_clock().now();
    if (!drawn_ || (shown_ && now - last_ < std::chrono::milliseconds(200))) return;
    shown_ = true;
    last_ = now;
    stream_ << kClearLine << fmt::format("checked {} of {} records", human_count(done), human_count(total))
            << std::flush;
  }

 private:
  std::ostream& stream_;
  const bool drawn_;
  bool shown_ = false;
  SteadyTime last_;
};

Json report_json(const QueueReport& report, const std::string& directory) {
  Json problems = Json::array();
  for (const QueueProblem& one : report.problems) {
    problems.push_back(
        {{"family", one.family}, {"record", one.record}, {"problem", one.problem}, {"advice", one.advice}});
  }
  return {{"ok", report.problem_count == 0},
          {"directory", directory},
          {"format", report.format},
          {"operations", report.operations},
          {"bytes", report.bytes},
          {"ddlOperations", report.ddl_operations},
          {"deadLetters", report.dead_letters},
          {"heldDeletes", report.withheld},
          {"dirtyRanges", report.dirty_ranges},
          {"indexEntries", report.index_entries},
          {"position", op_time_json(report.position)},
          {"problemCount", report.problem_count},
          {"problems", problems},
          {"notes", report.notes}};
}

int check(const CommandContext& context) {
  const std::string directory = directory_of(context);
  const auto report = [&] {
    CheckProgress progress(context.err, context.hooks.err_is_terminal);
    return check_queue(directory, [&](std::uint64_t done, std::uint64_t total) { progress.show(done, total); });
  }();
  if (!report) return failed(context, report.error());
  const bool whole = report->problem_count == 0;
  const int code = whole ? kExitOk : kExitDamaged;
  if (context.json) {
    print_json(context, report_json(*report, directory));
    return code;
  }
  context.out << fmt::format("{}: {} ({}), {} of them DDL, {}, {}, {}\n", directory,
                             plural(report->operations, "operation"), human_bytes(report->bytes),
                             report->ddl_operations, plural(report->dead_letters, "dead letter"),
                             plural(report->withheld, "held delete"), plural(report->dirty_ranges, "dirty range"));
  for (const std::string& note : report->notes) context.out << "note: " << printable(note) << '\n';
  std::string advice;
  for (const QueueProblem& one : report->problems) {
    context.out << context.style(Paint::kBad, "damaged") << ": " << one.family << ", " << printable(one.record) << ": "
                << printable(one.problem) << '\n';
    if (one.advice != advice) context.out << "  what to do: " << one.advice << '\n';
    advice = one.advice;
  }
  if (report->problem_count > report->problems.size()) {
    context.out << fmt::format("and {} more\n", human_count(report->problem_count - report->problems.size()));
  }
  context.out << (whole ? context.style(Paint::kGood, "every record is whole")
                        : context.style(Paint::kBad, plural(report->problem_count, "problem")))
              << '\n';
  return code;
}

int export_to(const CommandContext& context, const QueueRequest& request) {
  const std::string directory = directory_of(context);
  const auto write = [&](std::ostream& out) {
    return export_queue(directory, context.settings.max_retries, system_clock().unix_ms(), out);
  };
  if (request.file.empty()) {
    const auto written = write(context.out);
    return written ? kExitOk : failed(context, written.error());
  }
  // Under another name until it is whole, and for its owner only: it holds documents.
  const std::string partial = request.file + ".part";
  std::error_code failure;
  std::filesystem::remove(partial, failure);
  std::ofstream file(partial, std::ios::binary);
  const auto private_file = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  if (file) std::filesystem::permissions(partial, private_file, failure);
  if (!file || failure) {
    return failed(context, {ErrorKind::kIo, "cannot write " + partial + ": " + std::strerror(errno), "", errno});
  }
  const auto written = write(file);
  file.close();
  if (written) std::filesystem::rename(partial, request.file, failure);
  if (!written || failure) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    return failed(context, written ? Error{ErrorKind::kIo, "cannot write " + request.file + ": " + failure.message(),
                                           "", failure.value()}
                                   : written.error());
  }
  if (context.json) {
    print_json(context, {{"operations", *written}, {"file", request.file}});
  } else {
    context.out << fmt::format("{} written to {}\n", plural(*written, "operation"), request.file);
  }
  return kExitOk;
}

int import_from(const CommandContext& context, const QueueRequest& request) {
  QueueOptions options;
  options.directory = directory_of(context);
  options.memory_operations = context.settings.queue_max_size;
  options.strict = context.settings.ordering == Ordering::kStrict;
  options.lanes = 1;
  const JsonRules rules{database_of(context.settings.local_uri), request.as_recorded};
  const auto imported = import_queue(options, request.file, rules);
  if (!imported) return failed(context, imported.error().in(request.file));
  if (context.json) {
    print_json(context, {{"operations", imported->operations},
                         {"dirtyRanges", imported->dirty_ranges},
                         {"asRecorded", request.as_recorded}});
    return kExitOk;
  }
  context.out << fmt::format(
      "{} imported {}\n", plural(imported->operations, "operation"),
      request.as_recorded ? "as recorded" : "as touches: each document is read again from local");
  if (imported->dirty_ranges > 0) {
    context.out << fmt::format("{} to compare and repair instead of DDL changes\n",
                               plural(imported->dirty_ranges, "namespace"));
  }
  return kExitOk;
}

int clear(const CommandContext& context, const QueueRequest& request) {
  if (!request.yes) {
    return failed(context, {ErrorKind::kInvalidArgument, "this removes every operation that waits in the queue",
                            "what they concern is compared and repaired at the next start, which takes longer than "
                            "applying them; add --yes to do it",
                            0});
  }
  const auto cleared = clear_queue(directory_of(context));
  if (!cleared) return failed(context, cleared.error());
  const bool everything = cleared->unreadable > 0;
  if (context.json) {
    Json names = Json::array();
    for (const Namespace& ns : cleared->dirty) {
      if (!ns.db.empty()) names.push_back(ns.full());
    }
    print_json(context, {{"operations", cleared->operations},
                         {"unreadable", cleared->unreadable},
                         {"everythingDirty", everything},
                         {"dirtyNamespaces", names}});
    return kExitOk;
  }
  context.out << plural(cleared->operations, "operation") << " removed\n";
  if (everything) {
    context.out << "damaged records were among them: everything is compared and repaired at the next start\n";
    return kExitOk;
  }
  for (const Namespace& ns : cleared->dirty) {
    context.out << "to be compared and repaired at the next start: " << printable(ns.full()) << '\n';
  }
  return kExitOk;
}

}  // namespace

int command_queue(const CommandContext& context, const QueueRequest& request) {
  switch (request.action) {
    case QueueRequest::Action::kList: return list(context, request);
    case QueueRequest::Action::kCheck: return check(context);
    case QueueRequest::Action::kExport: return export_to(context, request);
    case QueueRequest::Action::kImport: return import_from(context, request);
    case QueueRequest::Action::kClear: return clear(context, request);
  }
  return kExitFailed;
}

}  // namespace dualsync
