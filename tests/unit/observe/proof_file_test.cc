#include "dualsync/observe/proof_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "support/scratch_dir.h"

namespace dualsync {
namespace {

TEST(ProofFile, GivesBackWhatWasSavedAndNothingBeforeThat) {
  const test::ScratchDir dir;
  EXPECT_EQ(load_proofs(dir.text()), Proofs{});
  Proofs proofs;
  proofs.verified_until = {1'795'372'200, 7};
  ASSERT_TRUE(save_verified_until(dir.text(), proofs.verified_until).ok());
  EXPECT_EQ(load_proofs(dir.text()), proofs);
  ASSERT_TRUE(save_verified_until(dir.text(), {1'795'372'100, 9}).ok());
  EXPECT_EQ(load_proofs(dir.text()), proofs) << "an older comparison that ended later proves nothing new";
  proofs.last_restore_ms = 1'795'372'200'123;
  ASSERT_TRUE(update_proofs(dir.text(), [](Proofs* changed) { changed->last_restore_ms = 1'795'372'200'123; }).ok());
  EXPECT_EQ(load_proofs(dir.text()), proofs);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(proof_file_path(dir.text())).permissions(), perms::owner_read | perms::owner_write);
}

TEST(ProofFile, TakesADamagedFileForNoProof) {
  const test::ScratchDir dir;
  std::ofstream(proof_file_path(dir.text())) << "verifiedUntil soon\n";
  EXPECT_EQ(load_proofs(dir.text()), Proofs{});
  std::ofstream(proof_file_path(dir.text())) << "of another version 1 2\nlastProvenRestore 5\n";
  EXPECT_EQ(load_proofs(dir.text()).last_restore_ms, 5);
}

TEST(ProofFile, SaysWhereItCannotWrite) {
  const test::ScratchDir dir;
  std::ofstream(dir.path() / "file") << "x";
  const auto saved = save_verified_until((dir.path() / "file").string(), {1, 1});
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().kind, ErrorKind::kIo);
  EXPECT_NE(saved.error().message.find("proofs"), std::string::npos);
}

// Commands prove while the daemon does: none may take the other's proof away.
TEST(ProofFile, LosesNoChangeBetweenProcessesAndThreads) {
  constexpr int kProcesses = 4;
  constexpr int kThreads = 2;
  constexpr int kChanges = 100;
  const test::ScratchDir dir;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    std::atomic<bool> failed{false};
    {
      std::vector<std::jthread> threads;
      for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&dir, &failed, thread] {
          for (int i = 0; i < kChanges; ++i) {
            const auto changed = update_proofs(dir.text(), [thread](Proofs* proofs) {
              if (thread == 0) ++proofs->verified_until.i;
              if (thread == 1) proofs->last_restore_ms = proofs->last_restore_ms.value_or(0) + 1;
            });
            if (!changed) failed = true;
          }
        });
      }
    }
    ::_exit(failed ? 1 : 0);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(load_proofs(dir.text()).verified_until.i, static_cast<std::uint32_t>(kProcesses * kChanges));
  EXPECT_EQ(load_proofs(dir.text()).last_restore_ms, kProcesses * kChanges);
}

}  // namespace
}  // namespace dualsync
