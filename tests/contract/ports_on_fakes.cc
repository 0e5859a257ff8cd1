// The contracts on the fakes: those of tests/support and the simulation's two servers. Needs no server.
#include "contract/port_sides.h"
#include "sim/sim_backup.h"
#include "sim/sim_local.h"
#include "support/fake_probe.h"
#include "support/fake_state.h"
#include "support/fake_store.h"

namespace dualsync::test {
namespace {

class FakePorts final : public PortSides {
 public:
  FakePorts() { server_.digests = true; }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<FakeWriter>(server_); }
  std::unique_ptr<DocumentReader> make_backup_reader() override { return std::make_unique<FakeReader>(server_); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return std::make_unique<FakeSchemaWriter>(server_); }
  void make_unique(const std::string&, const std::string& field) override { server_.unique.push_back(field); }
  std::unique_ptr<BackupState> make_backup_state() override { return std::make_unique<FakeState>(state_); }
  std::unique_ptr<LocalProbe> make_local_probe() override { return std::make_unique<FakeProbe>(probed_); }

 private:
  FakeServer server_;
  StoredState state_;
  ProbedLocal probed_;
};

class SimPorts final : public PortSides {
 public:
  SimPorts() {
    link_.random = &random_;
    local_.batches_allowed = 1'000'000;
  }
  std::unique_ptr<BackupWriter> make_writer() override { return backup_.make_writer(); }
  std::unique_ptr<DocumentReader> make_backup_reader() override { return backup_.make_reader(); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return backup_.make_schema_writer(); }
  std::unique_ptr<ChangeSource> make_change_source() override { return local_.make_change_source(); }
  std::unique_ptr<DocumentReader> make_local_reader() override { return local_.make_reader(); }
  void insert(const std::string& c, int id, int v) override { local_.insert(ns(c), {id, false}, {{"v", v}}); }
  void replace(const std::string& c, int id, int v) override { local_.replace(ns(c), {id, false}, {{"v", v}}); }
  void set_v(const std::string& c, int id, int v) override { local_.update(ns(c), {id, false}, {{"v", v}}, {}, false); }
  void remove(const std::string& c, int id) override { local_.remove(ns(c), {id, false}); }
  Position lost_position() override {
    const OpTime first = local_.oplog().front().time;
    local_.roll_over(1);
    return {"token " + first.to_string(), first, false, "rs0"};
  }

 private:
  sim::Random random_{1};
  sim::Link link_;
  sim::SimLocal local_{link_};
  sim::SimBackup backup_{link_, [this] { return local_.time(); }};
};

const PortMaker kFake{"Fake", [] { return std::make_unique<FakePorts>(); }};
const PortMaker kSim{"Simulation", [] { return std::make_unique<SimPorts>(); }};

INSTANTIATE_TEST_SUITE_P(Fakes, WriterContract, ::testing::Values(kFake, kSim), name_of_maker);
// The simulation has neither unique indexes nor transactions, and says so (docs/testing.md).
INSTANTIATE_TEST_SUITE_P(Fakes, AtomicContract, ::testing::Values(kFake), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Fakes, ReaderContract, ::testing::Values(kFake, kSim), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Fakes, SchemaContract, ::testing::Values(kFake, kSim), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Fakes, SourceContract, ::testing::Values(kSim), name_of_maker);
// The simulation has neither, because the guards that ask these do not run in it.
INSTANTIATE_TEST_SUITE_P(Fakes, StateContract, ::testing::Values(kFake), name_of_maker);
INSTANTIATE_TEST_SUITE_P(Fakes, ProbeContract, ::testing::Values(kFake), name_of_maker);

}  // namespace
}  // namespace dualsync::test
