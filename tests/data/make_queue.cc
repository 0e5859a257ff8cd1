// Writes tests/data/queue-v<format> with the queue of this release: `dualsync_make_queue DIRECTORY`. Run it when a
// release changes the format, before the change, and keep what it wrote; tests/data/README.md says how.
#include <cstdio>

#include "support/queue_sample.h"

namespace dualsync::test {
namespace {

void check(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "make_queue: %s\n", what.c_str());
  std::exit(1);
}

void append(SyncQueue& queue, const std::vector<Operation>& ops, const std::vector<DirtyRange>& dirty = {}) {
  AppendBatch batch;
  for (const Operation& op : ops) batch.operations.push_back(op.view());
  batch.dirty = dirty;
  batch.position = sample_position();
  const auto appended = queue.append(batch);
  check(appended.ok(), appended ? "" : appended.error().message);
}

void complete(SyncQueue& queue, std::size_t expected,
              const std::function<void(const TakenOperation&, Completion*)>& say) {
  const auto taken = queue.take(0, {1000, 64U << 20U}, std::chrono::milliseconds(0), {});
  check(taken.ok() && taken->size() == expected, "the operations cannot be taken");
  std::vector<Completion> completions;
  for (const TakenOperation& one : *taken) {
    Completion completion;
    completion.seq = one.seq;
    say(one, &completion);
    completions.push_back(completion);
  }
  check(queue.complete(completions).ok(), "the operations cannot be completed");
}

void write(const std::string& directory) {
  QueueOptions options;
  options.directory = directory;
  options.lanes = 1;
  auto opened = SyncQueue::open(options);
  check(opened.ok(), opened ? "" : opened.error().message);
  SyncQueue& queue = **opened;
  append(queue, {}, sample_dirty());  // first: what a gap overtakes is sent as touches
  append(queue, sample_refused());
  complete(queue, 2, [](const TakenOperation&, Completion* completion) {
    completion->kind = Completion::Kind::kDeadLetter;
    completion->error = {ErrorKind::kRefused, "refused by the sample", "", 121};
  });
  append(queue, sample_held());
  complete(queue, 4, [](const TakenOperation& one, Completion* completion) {
    completion->kind = Completion::Kind::kWithhold;
    completion->discarded = one.op.document_key == id_key("3");
  });
  append(queue, sample_waiting());
  check(queue.put_state(kSampleState, kSampleStateValue).ok(), "no state can be kept");
  check(queue.sync().ok(), "the queue cannot be synced");
}

}  // namespace
}  // namespace dualsync::test

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: dualsync_make_queue DIRECTORY\n");
    return 2;
  }
  dualsync::test::write(arguments[1]);
  return 0;
}
