// Deletes that the mass-delete guard keeps from the backup. A person decides on them: released, they reach the backup;
// discarded, the documents stay there for good. Messages call both "held" and "discarded".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

// What a document of the backup is that local no longer has.
enum class Withheld : std::uint8_t {
  kNo,         // not withheld
  kHeld,       // nobody has decided yet; whatever else comes for the document waits with it
  kDiscarded,  // it stays; whatever else comes for the document is applied
};

struct WithheldNamespace {
  Namespace ns;
  std::uint64_t held = 0;  // documents
  std::uint64_t discarded = 0;
  std::int64_t since_ms = 0;  // Unix time of the oldest
};

struct WithheldDocument {
  Namespace ns;
  std::string document_key;  // BSON
  Withheld state = Withheld::kHeld;
  std::int64_t since_ms = 0;  // Unix time
};

// A page of them. `next` is to be given for the one behind it; empty: there is none.
struct WithheldPage {
  std::vector<WithheldDocument> documents;
  std::string next;
};

}  // namespace dualsync
