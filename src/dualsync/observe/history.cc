#include "dualsync/observe/history.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "dualsync/base/log.h"
#include "dualsync/observe/risen.h"

namespace dualsync {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kLookMaxMs = 5'000;  // a longer pause between two looks was the machine asleep
constexpr std::size_t kMinutes = 24 * 60;

Json to_json(const MinuteSample& one) {
  return {{"until", one.until_ms},           {"started", one.started_ms},   {"seconds", one.seconds},
          {"captured", one.captured},        {"synced", one.synced},        {"refused", one.refused},
          {"coalesced", one.coalesced},      {"conflicts", one.conflicts},  {"gaps", one.gaps},
          {"deadLetters", one.dead_letters}, {"bytesSent", one.bytes_sent}, {"rpo", one.rpo_seconds},
          {"reasons", one.reasons}};
}

std::optional<MinuteSample> parse(const std::string& line) {
  try {
    const Json json = Json::parse(line);
    MinuteSample one;
    json.at("until").get_to(one.until_ms);
    json.at("started").get_to(one.started_ms);
    json.at("seconds").get_to(one.seconds);
    json.at("captured").get_to(one.captured);
    json.at("synced").get_to(one.synced);
    json.at("refused").get_to(one.refused);
    json.at("coalesced").get_to(one.coalesced);
    json.at("conflicts").get_to(one.conflicts);
    json.at("gaps").get_to(one.gaps);
    json.at("deadLetters").get_to(one.dead_letters);
    json.at("bytesSent").get_to(one.bytes_sent);
    json.at("rpo").get_to(one.rpo_seconds);
    json.at("reasons").get_to(one.reasons);
    return one;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

// True if all of it is there.
bool write_file(const std::string& path, int flags, const std::string& text) {
  const int file = ::open(path.c_str(), flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool closed = ::close(file) == 0;
  return closed && written == static_cast<ssize_t>(text.size());
}

}  // namespace

History::History(const std::string& data_dir, std::int64_t now_ms) : path_(data_dir + "/history"), started_ms_(now_ms) {
  load();
}

void History::load() {
  std::ifstream file(path_);
  std::string line;
  const MutexLock lock(mutex_);
  while (std::getline(file, line)) {
    ++lines_;
    if (auto sample = parse(line)) samples_.push_back(std::move(*sample));
    if (samples_.size() > kMinutes) samples_.pop_front();
  }
}

void History::begin_minute(const Status& status, std::int64_t now_ms) {
  at_begin_ = status;
  begun_ms_ = now_ms;
  minute_ = {};
  minute_.started_ms = started_ms_;
}

void History::look(const Status& status, std::int64_t now_ms) {
  if (!at_begin_) begin_minute(status, now_ms);
  const std::int64_t passed = std::clamp<std::int64_t>(now_ms - last_look_ms_, 0, kLookMaxMs);
  if (last_look_ms_ != 0) {
    // Rounded so that the parts of many looks add up to the time that passed.
    const auto whole = static_cast<std::uint32_t>((now_ms - begun_ms_) / 1000 - (now_ms - begun_ms_ - passed) / 1000);
    minute_.seconds.at(static_cast<std::size_t>(status.verdict)) += whole;
  }
  last_look_ms_ = now_ms;
  minute_.rpo_seconds = std::max(minute_.rpo_seconds, status.rpo_seconds);
  for (const Reason& reason : status.reasons) {
    if (std::find(minute_.reasons.begin(), minute_.reasons.end(), reason.code) == minute_.reasons.end())
      minute_.reasons.push_back(reason.code);
  }
  const MinuteSample sample = so_far(status, now_ms);
  const bool over = now_ms - begun_ms_ >= kMinuteMs || now_ms < begun_ms_;
  {
    const MutexLock lock(mutex_);
    if (over) {
      current_.reset();
    } else {
      current_ = sample;
    }
  }
  if (!over) return;
  append(sample);
  begin_minute(status, now_ms);
}

MinuteSample History::so_far(const Status& status, std::int64_t now_ms) const {
  const Status& before = *at_begin_;
  MinuteSample sample = minute_;
  sample.until_ms = now_ms;
  sample.captured = risen(before.total_operations, status.total_operations);
  sample.synced = risen(before.successful_syncs, status.successful_syncs);
  sample.refused = risen(before.failed_syncs, status.failed_syncs);
  sample.coalesced = risen(before.coalesced_operations, status.coalesced_operations);
  sample.conflicts = risen(before.conflicts, status.conflicts);
  sample.gaps = risen(before.gaps, status.gaps);
  sample.dead_letters = risen(before.dead_letters, status.dead_letters);
  sample.bytes_sent = risen(before.bytes_sent, status.bytes_sent);
  return sample;
}

void History::append(const MinuteSample& sample) {
  {
    const MutexLock lock(mutex_);
    samples_.push_back(sample);
    if (samples_.size() > kMinutes) samples_.pop_front();
  }
  const bool written = ++lines_ > 2 * kMinutes ? rewrite() : write_file(path_, O_APPEND, to_json(sample).dump() + "\n");
  if (!written && !told_) {
    log::warn("report", "the history cannot be written; a report after a restart begins with it",
              {{"path", path_}, {"error", std::generic_category().message(errno)}});
  }
  told_ = !written;
}

bool History::rewrite() {
  std::string all;
  {
    const MutexLock lock(mutex_);
    for (const MinuteSample& one : samples_) all += to_json(one).dump() + "\n";
    lines_ = samples_.size();
  }
  const std::string next = path_ + ".next";
  std::error_code failure;
  if (write_file(next, O_TRUNC, all)) {
    std::filesystem::rename(next, path_, failure);
    return !failure;
  }
  return false;
}

DayReport History::report(const Status& now, std::int64_t now_ms) const {
  const MutexLock lock(mutex_);
  std::deque<MinuteSample> samples = samples_;
  if (current_) samples.push_back(*current_);
  return day_report(samples, now, now_ms);
}

}  // namespace dualsync
