// A local that can be asked who it is, in memory. The contract suites hold the real thing to the same answers.
#pragma once

#include <string>

#include "dualsync/ports/local_probe.h"

namespace dualsync::test {

// A test may exchange it under a running process, as a restarted or a wrong local does.
struct ProbedLocal {
  std::string instance = "process 1";
  FoundLocal found{{"rs0", "set 1", "", 0}, true, {1000, 1}};
  bool down = false;
  bool read_only = false;  // whoever asks may not write the marker
  int asked = 0;           // calls of identify()
};

class FakeProbe final : public LocalProbe {
 public:
  explicit FakeProbe(ProbedLocal& local) : local_(local) {}

  Result<std::string> instance() override {
    if (local_.down) return refused();
    return local_.instance;
  }
  Result<FoundLocal> identify() override {
    ++local_.asked;
    if (local_.down) return refused();
    return local_.found;
  }
  Result<LocalIdentity> raise_marker(const std::string& new_id) override {
    if (local_.down) return refused();
    if (local_.read_only) return Error{ErrorKind::kDenied, "not authorised", "", 13};
    LocalIdentity& identity = local_.found.identity;
    if (identity.marker.empty()) identity.marker = new_id;
    ++identity.mark;
    return LocalIdentity{"", "", identity.marker, identity.mark};  // the set is not what was asked for
  }

 private:
  static Error refused() { return {ErrorKind::kConnectivity, "refused", "", 0}; }

  ProbedLocal& local_;
};

}  // namespace dualsync::test
