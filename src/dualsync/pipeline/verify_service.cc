#include "dualsync/pipeline/verify_service.h"

#include <algorithm>
#include <set>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/time_text.h"
#include "dualsync/base/waiting.h"
#include "dualsync/pipeline/verify_repair.h"

namespace dualsync {
namespace {

using State = VerifyStatus::State;
using Phase = VerifyStatus::Phase;
using PartState = VerifyPart::State;

constexpr std::chrono::milliseconds kVerifyLook{200};
constexpr std::chrono::milliseconds kSoon = std::chrono::minutes(1);
constexpr std::chrono::milliseconds kRestMax{200};
constexpr std::size_t kNamedMax = 1000;  // differences, in all and of one collection
constexpr std::size_t kFindingsMax = 3;  // collections in one sentence
constexpr const char* kState = "verify";
constexpr const char* kCutOff = "dualsync ended before it was done";

Error running_already() {
  return {ErrorKind::kConflict, "a comparison is running already",
          "wait for its end: GET /api/sync/verify shows how far it is", 0};
}

std::string words_of(const KnownDifference& known) {
  if (known.only_on_backup) return known.ns.full() + " exists only on the backup";
  std::string text;
  if (known.documents > 0) text = plural(known.documents, "document");
  if (known.schema > 0) {
    text += (text.empty() ? "" : " and ") + plural(known.schema, "difference") + " of indexes, options or views";
  }
  return known.ns.full() + ": " + text;
}

// Gives the lanes time: a break as long as the work was, while something waits for them.
class Pace {
 public:
  Pace(PipelineContext& context, const std::stop_token& stop)
      : context_(context), stop_(stop), began_(context.clock.now()) {}
  void rest() {
    const auto worked = std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock.now() - began_);
    if (context_.queue.stats().operations > 0) sleep_for(std::min(worked, kRestMax), stop_);
    began_ = context_.clock.now();
  }

 private:
  PipelineContext& context_;
  const std::stop_token& stop_;
  SteadyTime began_;
};

}  // namespace

Result<void> VerifyService::load() {
  auto kept = context_.queue.get_state(kState);
  if (!kept) return kept.error();
  if (!*kept) return {};
  MutexLock lock(mutex_);
  record_ = decode_verify_record(**kept);
  return {};
}

Result<void> VerifyService::save() { return context_.queue.put_state(kState, encode_verify_record(record_)); }

Result<VerifyStatus> VerifyService::start(const VerifyOrder& order) {
  if (view().state == State::kRunning) return running_already();
  if (const std::string obstacle = hooks_.obstacle(); !obstacle.empty())
    return Error{ErrorKind::kConflict, "nothing can be compared now: " + obstacle, "ask again later", 0};
  if (!order.namespaces.empty()) {
    auto sides = hooks_.connect();
    if (!sides) return sides.error();
    VerifyOptions options;
    options.namespaces = order.namespaces;
    DUALSYNC_TRY(Verifier(context_.scope, *sides->local, *sides->backup, context_.clock, options).check_names());
  }
  MutexLock lock(mutex_);
  if (record_.last.state == State::kRunning) return running_already();
  begin(order, false);
  order_ = order;
  return record_.last;
}

VerifyStatus VerifyService::view() const {
  MutexLock lock(mutex_);
  return record_.last;
}

std::string VerifyService::findings() const {
  MutexLock lock(mutex_);
  const auto& known = record_.last.differs;
  std::string text;
  for (std::size_t i = 0; i < std::min(known.size(), kFindingsMax); ++i)
    text += (text.empty() ? "" : "; ") + words_of(known[i]);
  if (known.size() > kFindingsMax) text += "; and " + std::to_string(known.size() - kFindingsMax) + " more";
  return text;
}

void VerifyService::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    step(stop);
    sleep_for(kVerifyLook, stop);
  }
}

bool VerifyService::due() {
  const std::chrono::milliseconds interval = interval_;
  if (interval.count() == 0) return false;
  const std::int64_t now = context_.clock.unix_ms();
  if (retry_ms_ && now < *retry_ms_) return false;
  std::int64_t since = 0;
  {
    MutexLock lock(mutex_);
    since = record_.since_ms;
  }
  // A time in the future is of a clock that was wrong.
  const bool over = since > now || now - since >= interval.count();
  if (!over || !hooks_.obstacle().empty()) return false;
  if (since != 0) return true;
  // The first copy has just ended: it is what the first comparison of the schedule counts from.
  MutexLock lock(mutex_);
  record_.since_ms = now;
  ignore_error(save(), "the queue reports its own trouble; the time is counted from the next start then");
  return false;
}

bool VerifyService::quick_will_do() const {
  MutexLock lock(mutex_);
  const std::int64_t since = context_.clock.unix_ms() - record_.read_ms;
  return record_.read_ms != 0 && since >= 0 && since < full_interval_.load().count();
}

bool VerifyService::step(const std::stop_token& stop) {
  std::optional<VerifyOrder> order;
  {
    MutexLock lock(mutex_);
    order.swap(order_);
  }
  if (!order) {
    if (!due()) return false;
    order = VerifyOrder{{}, true, quick_will_do()};
    MutexLock lock(mutex_);
    if (record_.last.state == State::kRunning) return false;  // one was asked for at this moment
    begin(*order, true);
  }
  const Result<void> ended = execute(*order, stop);
  if (!ended) retry_ms_ = context_.clock.unix_ms() + std::min(interval_.load(), kSoon).count();
  end(ended);
  return true;
}

void VerifyService::begin(const VerifyOrder& order, bool scheduled) {
  VerifyStatus next;
  next.id = record_.last.id + 1;
  next.scheduled = scheduled;
  next.whole = order.namespaces.empty();
  next.repair = order.repair;
  next.quick = order.quick;
  next.started_ms = context_.clock.unix_ms();
  next.differs = record_.last.differs;
  record_.last = std::move(next);
  // What a start finds is a comparison that was cut off, unless this process lives to say more.
  record_.last.state = State::kFailed;
  record_.last.error = kCutOff;
  ignore_error(save(), "the queue reports its own trouble; this comparison writes nothing else");
  DUALSYNC_MARK("verify-begun");
  record_.last.state = State::kRunning;
  record_.last.error.clear();
  log::info("verify", "comparing",
            {{"id", record_.last.id}, {"scheduled", scheduled}, {"repair", order.repair}, {"quick", order.quick}});
}

Result<void> VerifyService::execute(const VerifyOrder& order, const std::stop_token& stop) {
  auto sides = hooks_.connect();
  if (!sides) return sides.error();
  auto report = compare(*sides, order, nullptr, stop);
  if (!report) return report.error();
  tell(*report);
  const OpTime until = report->verified_until;
  if (order.repair && !report->equal()) {
    report = repair(*sides, order, *report, stop);
    if (!report) return report.error();
  }
  const bool proven = order.namespaces.empty() && report->equal() && report->unsettled() == 0;
  if (proven) DUALSYNC_TRY(hooks_.proven(until));
  MutexLock lock(mutex_);
  if (proven) record_.last.verified_until = until;
  return {};
}

Result<VerifyReport> VerifyService::compare(VerifySides& sides, const VerifyOrder& order, const Marks* marks,
                                            const std::stop_token& stop) {
  const bool again = marks != nullptr;
  VerifyOptions options;
  options.marks = marks;
  options.namespaces = order.namespaces;
  options.quick = order.quick;
  options.keeps_dropped = context_.options.on_drop == OnDrop::kKeep;
  options.recheck.catch_up = hooks_.catch_up;
  options.recheck.differences_max = kNamedMax;
  options.recheck.excepted = [this](const Namespace& ns, std::string_view key) {
    return context_.queue.is_withheld(ns, key);
  };
  if (!again) {
    options.planned = [this](const Namespace& ns, std::uint64_t documents) { planned(ns, documents); };
    options.compared = [this](const NamespaceReport& report) { compared(report); };
  }
  Pace pace(context_, stop);
  Verifier verifier(context_.scope, *sides.local, *sides.backup, context_.clock, options);
  auto report = verifier.run(stop, [&](const CompareProgress& progress) {
    if (!again) advanced(progress);
    pace.rest();
  });
  if (!report) return report;
  MutexLock lock(mutex_);
  // What was dropped on both sides since differs no more.
  if (order.namespaces.empty()) record_.last.differs.clear();
  for (const NamespaceReport& one : report->namespaces) {
    if (again || !is_due(one)) learn(one);
  }
  return report;
}

Result<VerifyReport> VerifyService::repair(VerifySides& sides, const VerifyOrder& order, const VerifyReport& report,
                                           const std::stop_token& stop) {
  set_phase(Phase::kRepairing);
  VerifyRepair repair(context_, hooks_.refused);
  for (const NamespaceReport& one : report.namespaces) {
    auto enqueued = repair.enqueue(one);
    if (!enqueued) return enqueued.error();
  }
  DUALSYNC_MARK("verify-repairs");
  VerifyReport left;
  for (const NamespaceReport& one : report.namespaces) {
    if (!repair.namespaces().contains(one.ns)) left.namespaces.push_back(one);
  }
  if (!repair.namespaces().empty()) {
    DUALSYNC_TRY(repair.wait(stop));
    set_phase(Phase::kProving);
    VerifyOrder repaired = order;
    repaired.namespaces.clear();
    for (const Namespace& ns : repair.namespaces()) repaired.namespaces.push_back(ns.full());
    Marks marks;
    for (const NamespaceReport& one : report.namespaces) {
      if (one.time_series) marks[one.ns] = one.marks;
    }
    auto again = compare(sides, repaired, &marks, stop);
    if (!again) return again;
    left.namespaces.insert(left.namespaces.end(), again->namespaces.begin(), again->namespaces.end());
  }
  MutexLock lock(mutex_);
  // A collection that local has dropped meanwhile is in no report any more.
  std::erase_if(record_.last.differs, [&](const KnownDifference& known) {
    return repair.namespaces().contains(known.ns) &&
           std::none_of(left.namespaces.begin(), left.namespaces.end(),
                        [&](const NamespaceReport& one) { return one.ns == known.ns; });
  });
  record_.last.repaired = left.equal();
  return left;
}

// Names and `_id`s, never content.
void VerifyService::tell(const VerifyReport& report) const {
  std::size_t told = 0;
  for (const NamespaceReport& one : report.namespaces) {
    if (one.time_series && one.difference_count > 0) {
      log::info("verify", "a time series has changed since it was mirrored",
                {{"namespace", one.ns.full()}, {"differences", one.difference_count}});
    }
    for (const Difference& difference : one.differences) {
      if (one.time_series || ++told > kNamedMax) break;
      log::warn("verify", "the backup differs from local",
                {{"namespace", one.ns.full()}, {"id", difference.id_json}, {"kind", to_string(difference.kind)}});
    }
    if (!one.time_series && one.difference_count > one.differences.size()) {
      log::warn("verify", "more documents differ than are named",
                {{"namespace", one.ns.full()}, {"differences", one.difference_count}});
    }
    for (const std::string& words : one.schema)
      log::warn("verify", "the backup differs from local", {{"namespace", one.ns.full()}, {"schema", words}});
  }
}

// A time series that is about to be mirrored: that it differs is no news.
bool VerifyService::is_due(const NamespaceReport& report) const {
  return record_.last.repair && report.time_series && report.difference_count > 0 && report.schema.empty();
}

void VerifyService::learn(const NamespaceReport& report) {
  auto& known = record_.last.differs;
  std::erase_if(known, [&](const KnownDifference& one) { return one.ns == report.ns; });
  if (!report.equal())
    known.push_back({report.ns, report.difference_count, report.schema.size(), report.only_on_backup});
}

VerifyPart& VerifyService::part(const Namespace& ns) {
  auto& parts = record_.last.parts;
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const VerifyPart& one) { return one.ns == ns; });
  if (found != parts.end()) return *found;
  parts.emplace_back().ns = ns;
  return parts.back();
}

void VerifyService::planned(const Namespace& ns, std::uint64_t documents) {
  MutexLock lock(mutex_);
  part(ns).documents_total = documents;
}

void VerifyService::advanced(const CompareProgress& progress) {
  MutexLock lock(mutex_);
  VerifyPart& now = part(progress.ns);
  now.state = PartState::kRunning;
  now.documents_done = progress.ns_documents;
}

void VerifyService::compared(const NamespaceReport& report) {
  MutexLock lock(mutex_);
  VerifyPart& done = part(report.ns);
  done.state = PartState::kDone;
  done.documents_done = report.local_documents;
  done.by_digest = report.by_digest;
  done.difference_count = report.difference_count;
  done.unsettled = report.unsettled;
  done.excepted = report.excepted;
  done.schema = report.schema;
  if (is_due(report)) return;
  for (const Difference& difference : report.differences) {
    if (record_.last.differences.size() < kNamedMax) record_.last.differences.push_back({report.ns, difference});
  }
  learn(report);
}

void VerifyService::set_phase(Phase phase) {
  MutexLock lock(mutex_);
  record_.last.phase = phase;
}

void VerifyService::end(const Result<void>& ended) {
  MutexLock lock(mutex_);
  VerifyStatus& last = record_.last;
  last.finished_ms = context_.clock.unix_ms();
  last.state = ended ? State::kDone : State::kFailed;
  // One that only told of differences does not put off the one that repairs them.
  if (ended && last.whole && (last.repair || last.differs.empty())) {
    record_.since_ms = last.finished_ms;
    if (last.by_digest() == 0) record_.read_ms = last.finished_ms;
  }
  if (!ended) {
    last.error = ended.error().kind == ErrorKind::kStopped ? kCutOff : ended.error().message;
    log::warn("verify", "nothing is proven either way", {{"id", last.id}, {"why", last.error}});
  } else if (last.differs.empty()) {
    log::info("verify", "the backup equals local",
              {{"id", last.id},
               {"differences_repaired", last.difference_count() + last.schema_count()},
               {"documents_by_digest", last.by_digest()}});
  } else {
    log::warn("verify", "the backup differs from local still",
              {{"id", last.id}, {"namespaces", last.differs.size()}, {"differences", last.difference_count()}});
  }
  DUALSYNC_MARK("verify-ended");
  ignore_error(save(), "the queue reports its own trouble; the result is shown until the next start");
}

}  // namespace dualsync
