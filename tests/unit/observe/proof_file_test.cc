#include "dualsync/observe/proof_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/scratch_dir.h"

namespace dualsync {
namespace {

TEST(ProofFile, GivesBackWhatWasSavedAndNothingBeforeThat) {
  const test::ScratchDir dir;
  EXPECT_EQ(load_proofs(dir.text()), Proofs{});
  Proofs proofs;
  proofs.verified_until = {1'795'372'200, 7};
  ASSERT_TRUE(save_proofs(dir.text(), proofs).ok());
  EXPECT_EQ(load_proofs(dir.text()), proofs);
  proofs.last_restore_ms = 1'795'372'200'123;
  ASSERT_TRUE(save_proofs(dir.text(), proofs).ok());
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
  const auto saved = save_proofs((dir.path() / "file").string(), {});
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().kind, ErrorKind::kIo);
  EXPECT_NE(saved.error().message.find("proofs"), std::string::npos);
}

}  // namespace
}  // namespace dualsync
