#include "dualsync/observe/day_report.h"

#include <algorithm>

#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

constexpr std::int64_t kReportMinuteMs = 60'000;

std::string duration(std::uint64_t seconds) { return human_duration(static_cast<std::int64_t>(seconds)); }

std::string counted(std::uint64_t count, const std::string& one, const std::string& more) {
  return human_count(count) + " " + (count == 1 ? one : more);
}

void add_verdicts(const DayReport& report, std::vector<std::string>* words) {
  const std::uint64_t seen = report.seconds[0] + report.seconds[1] + report.seconds[2];
  if (report.seconds[0] == seen && report.silent_seconds == 0) {
    words->push_back("The mirror was healthy for all of the last " + duration(seen) + ".");
    return;
  }
  std::string text = "Of the last " + duration(seen + report.silent_seconds) + " the mirror was healthy for " +
                     duration(report.seconds[0]);
  if (report.seconds[1] > 0) text += ", degraded for " + duration(report.seconds[1]);
  if (report.seconds[2] > 0) text += ", unhealthy for " + duration(report.seconds[2]);
  if (report.silent_seconds > 0) text += ", and did not run for " + duration(report.silent_seconds);
  words->push_back(text + ".");
  std::string reasons;
  for (const auto& [code, minutes] : report.reasons)
    reasons += (reasons.empty() ? "" : ", ") + code + " (" + duration(minutes * 60) + ")";
  if (!reasons.empty()) words->push_back("Reasons: " + reasons + ".");
}

void add_exceptions(const DayReport& report, const Status& now, std::vector<std::string>* words) {
  if (report.dead_letters > 0) {
    words->push_back(counted(report.dead_letters, "operation was", "operations were") +
                     " refused by the backup for good; " + counted(now.dead_letters, "is", "are") + " open now.");
  } else if (now.dead_letters > 0) {
    words->push_back(counted(now.dead_letters, "older dead letter is", "older dead letters are") + " still open.");
  }
  if (report.conflicts > 0) {
    words->push_back("Somebody else had changed " + counted(report.conflicts, "document", "documents") +
                     " of the backup; local won.");
  }
  if (report.gaps > 0) {
    words->push_back("Local no longer had our position, or the backup was not what it was, " +
                     counted(report.gaps, "time", "times") + "; everything was compared.");
  }
}

void add_words(DayReport* report, const Status& now) {
  std::vector<std::string>& words = report->words;
  if (report->from_ms == 0) {
    words.emplace_back("There is nothing to tell yet: the daemon has just started.");
    return;
  }
  add_verdicts(*report, &words);
  words.push_back(counted(report->captured, "change was", "changes were") + " captured, " +
                  human_count(report->synced) + " applied to the backup (" + human_count(report->coalesced) +
                  " merged before), " + human_bytes(report->bytes_sent) + " sent.");
  words.push_back(report->worst_rpo_seconds < 1
                      ? std::string("At no time would a disaster have lost more than a second of writes.")
                      : "At worst, at " + iso8601(report->worst_rpo_ms) + ", a disaster would have lost " +
                            human_duration(static_cast<std::int64_t>(report->worst_rpo_seconds)) + " of writes.");
  add_exceptions(*report, now, &words);
  words.push_back(now.verified_until.is_null()
                      ? std::string("No comparison has proven both sides equal yet.")
                      : "The newest comparison proved both sides equal up to " +
                            iso8601(static_cast<std::int64_t>(now.verified_until.t) * 1000) + ".");
  words.push_back(now.last_proven_restore_ms
                      ? "A restore was last proven on " + iso8601(*now.last_proven_restore_ms) + "."
                      : std::string("No restore was proven yet: `dualsync drill` does so."));
}

}  // namespace

DayReport day_report(const std::deque<MinuteSample>& samples, const Status& now, std::int64_t now_ms) {
  DayReport report;
  report.until_ms = now_ms;
  std::int64_t covered_until = 0;
  std::int64_t last_start = 0;
  for (const MinuteSample& one : samples) {
    // A clock that was set back makes samples of the future.
    if (one.until_ms <= now_ms - kDayMs || one.until_ms > now_ms + kReportMinuteMs) continue;
    const std::uint64_t covered = one.seconds[0] + one.seconds[1] + one.seconds[2];
    const std::int64_t from = one.until_ms - static_cast<std::int64_t>(covered) * 1000;
    if (report.from_ms == 0) {
      report.from_ms = from;
    } else if (from > covered_until + kReportMinuteMs) {
      report.silent_seconds += static_cast<std::uint64_t>((from - covered_until) / 1000);
    }
    covered_until = std::max(covered_until, one.until_ms);
    if (one.started_ms != last_start && one.started_ms > now_ms - kDayMs) ++report.starts;
    last_start = one.started_ms;
    for (std::size_t i = 0; i < one.seconds.size(); ++i) report.seconds[i] += one.seconds[i];
    report.captured += one.captured;
    report.synced += one.synced;
    report.refused += one.refused;
    report.coalesced += one.coalesced;
    report.conflicts += one.conflicts;
    report.gaps += one.gaps;
    report.dead_letters += one.dead_letters;
    report.bytes_sent += one.bytes_sent;
    if (one.rpo_seconds > report.worst_rpo_seconds) {
      report.worst_rpo_seconds = one.rpo_seconds;
      report.worst_rpo_ms = one.until_ms;
    }
    for (const std::string& code : one.reasons) ++report.reasons[code];
  }
  add_words(&report, now);
  return report;
}

}  // namespace dualsync
