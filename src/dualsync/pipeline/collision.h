// Unique values that moved between documents faster than the backup follows.
//
// Why      two documents may swap the values of a unique index on local; merging has hidden the steps between, and
// neither
//          final state can be written while the other's old one stands. So all that stand in each other's way are
//          deleted and written again as local holds them now, in one transaction: the backup never lacks one of them.
// Safe     while other lanes write the same documents: whatever is older than what is read here has a successor that is
// in
//          the queue or comes by the stream
// Threads  one owner; made for one namespace of one batch
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dualsync/pipeline/context.h"

namespace dualsync {

class CollisionSettler {
 public:
  CollisionSettler(PipelineContext& context, DocumentReader& local, BackupWriter& writer, const Namespace& ns)
      : context_(context), local_(local), writer_(writer), ns_(ns) {}

  // Makes the document of `document_key`, and at most `members_max` others, what local holds at or after `after`.
  // `collision`: what its write collided on. ok: done. Not ok: what is in the way is not known, or too much, or
  // refused. kNotFound: the document is not on local any more. Errors of the servers otherwise; the backup is as it
  // was.
  Result<WriteOutcome> settle(std::string_view document_key, OpTime after, std::string_view collision,
                              std::size_t members_max);

  // A document that the mass-delete guard keeps on the backup has the value.
  bool held_in_the_way() const { return held_in_the_way_; }

 private:
  struct Member {
    std::string key;  // {_id: ...}
    std::optional<std::string> document;
  };

  void add(std::string_view key);
  // False if nothing new stands in the way.
  Result<bool> add_colliding(std::string_view fields);
  Result<OpTime> read_local(OpTime after);
  Result<bool> same_collection(OpTime read);
  // kConflict: the guard does not let one of them go, or not yet. kUnsupported: never.
  Result<void> may_delete(OpTime read);
  Result<WriteOutcome> try_all();

  PipelineContext& context_;
  DocumentReader& local_;
  BackupWriter& writer_;
  const Namespace& ns_;
  std::map<std::string, Member> members_;  // by canonical key
  bool held_in_the_way_ = false;
};

}  // namespace dualsync
