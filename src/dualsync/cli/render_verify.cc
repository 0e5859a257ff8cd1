#include "dualsync/cli/render_verify.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/render_status.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNameTitle = "collection";

std::string_view kind_text(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMissing: return "not on the backup";
    case DifferenceKind::kForeign: return "only on the backup";
    case DifferenceKind::kContent: return "different";
  }
  return "unknown";
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", human_count(count), count == 1 ? one : many);
}

}  // namespace

std::string render_differences(const NamespaceReport& report, const Style& style) {
  std::string text = fmt::format("\n{}\n", printable(report.ns.full()));
  for (const Difference& difference : report.differences) {
    text += fmt::format("  {:<18}  _id {}", kind_text(difference.kind), printable(difference.id_json));
    if (!difference.path.empty()) text += fmt::format("  at {}", printable(difference.path));
    text += '\n';
  }
  if (report.difference_count > report.differences.size()) {
    text += style(Paint::kFaint,
                  fmt::format("  and {} more\n", human_count(report.difference_count - report.differences.size())));
  }
  for (const std::string& words : report.schema) text += fmt::format("  {:<18}  {}\n", "schema", printable(words));
  return text;
}

std::string render_verify(const VerifyReport& report, const Style& style) {
  std::size_t width = kNameTitle.size();
  for (const NamespaceReport& one : report.namespaces) width = std::max(width, one.ns.full().size());
  std::string text;
  if (!report.namespaces.empty()) {
    text += style(Paint::kFaint,
                  fmt::format("{:<{}}  {:>13}  {:>13}  {:>11}", kNameTitle, width, "local", "backup", "differences"));
    text += '\n';
  }
  std::uint64_t differences = 0;
  std::uint64_t unequal = 0;
  std::string details;
  for (const NamespaceReport& one : report.namespaces) {
    const std::uint64_t count = one.difference_count + one.schema.size();
    differences += count;
    text += fmt::format("{:<{}}  {:>13}  {:>13}  {}\n", printable(one.ns.full()), width,
                        human_count(one.local_documents), human_count(one.backup_documents),
                        style(count == 0 ? Paint::kGood : Paint::kBad, fmt::format("{:>11}", human_count(count))));
    if (one.equal()) continue;
    ++unequal;
    details += render_differences(one, style);
  }
  text += details;
  if (const std::uint64_t unsettled = report.unsettled(); unsettled > 0) {
    text += fmt::format("\n{} changed all the time and could not be compared\n",
                        counted(unsettled, "document", "documents"));
  }
  if (const std::uint64_t excepted = report.excepted(); excepted > 0) {
    text += fmt::format("\n{} differ because the mass-delete guard keeps them (`dualsync status`)\n",
                        counted(excepted, "document", "documents"));
  }
  const auto kept = std::count_if(report.namespaces.begin(), report.namespaces.end(),
                                  [](const NamespaceReport& one) { return one.kept; });
  if (kept > 0) {
    text += fmt::format("\n{} only the backup has (SYNC_ON_DROP=keep)\n",
                        counted(static_cast<std::uint64_t>(kept), "collection that", "collections that"));
  }
  const auto behind = std::count_if(report.namespaces.begin(), report.namespaces.end(), [](const NamespaceReport& one) {
    return one.time_series && one.difference_count > 0;
  });
  if (behind > 0) {
    text +=
        "\ntime series have no change stream: what was written since they were last compared is not on the backup "
        "yet (`dualsync status`).\n`dualsync full-sync COLLECTION` mirrors one now\n";
  }
  const std::string collections = counted(report.namespaces.size(), "collection", "collections");
  const std::string took = human_duration(static_cast<std::int64_t>(report.seconds));
  if (!text.empty()) text += '\n';
  if (report.equal()) {
    const std::uint64_t digested = report.by_digest();
    text += fmt::format("{}: {} in {}, {} up to {} in {}\n", style(Paint::kGood, "EQUAL"),
                        counted(report.documents(), "document", "documents"), collections,
                        digested == 0 ? "proven byte for byte"
                                      : fmt::format("{} of them by the servers' digests,", human_count(digested)),
                        utc_text(report.verified_until), took);
  } else {
    text += fmt::format("{}: {} in {} of {}, compared in {}\n", style(Paint::kBad, "NOT EQUAL"),
                        counted(differences, "difference", "differences"), human_count(unequal), collections, took);
  }
  return text;
}

Json verify_json(const VerifyReport& report) {
  Json body;
  body["equal"] = report.equal();
  body["documents"] = report.documents();
  body["seconds"] = report.seconds;
  const OpTime until = report.verified_until;
  body["verifiedUntil"] = until.is_null() ? Json(nullptr) : Json{{"t", until.t}, {"i", until.i}};
  body["namespaces"] = Json::array();
  for (const NamespaceReport& one : report.namespaces) {
    body["namespaces"].push_back({{"namespace", one.ns.full()},
                                  {"equal", one.equal()},
                                  {"localDocuments", one.local_documents},
                                  {"backupDocuments", one.backup_documents},
                                  {"byDigest", one.by_digest},
                                  {"differenceCount", one.difference_count},
                                  {"differences", differences_json(one.differences)},
                                  {"unsettled", one.unsettled},
                                  {"excepted", one.excepted},
                                  {"kept", one.kept},
                                  {"timeSeries", one.time_series},
                                  {"schema", one.schema}});
  }
  return body;
}

std::string render_progress(const CopyStatus& progress, double seconds) {
  std::string text =
      fmt::format("{} of {}, {} of about {}", human_count(progress.namespaces_done),
                  counted(progress.namespaces_total, "collection", "collections"), human_count(progress.documents_done),
                  counted(progress.documents_total, "document", "documents"));
  if (seconds > 0) {
    text += fmt::format(
        ", {}/s", human_count(static_cast<std::uint64_t>(static_cast<double>(progress.documents_done) / seconds)));
  }
  return progress.current.empty() ? text : fmt::format("{}, now {}", text, printable(progress.current));
}

}  // namespace dualsync
