// GuardedLocal: local as the pipeline sees it: every read is confirmed to be of the right local before it takes effect.
//
// Threads  as ports/sides.h
// Errors   also kConflict: this is not our local; what was read before it must not be used
#pragma once

#include <memory>

#include "dualsync/pipeline/local_guard.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

class GuardedLocal final : public LocalSide {
 public:
  GuardedLocal(LocalSide& inner, LocalGuard& guard) : inner_(inner), guard_(guard) {}
  std::unique_ptr<ChangeSource> make_change_source() override;
  std::unique_ptr<DocumentReader> make_reader() override;

 private:
  LocalSide& inner_;
  LocalGuard& guard_;
};

}  // namespace dualsync
