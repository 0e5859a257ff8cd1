// PolledDdl: a change source whose server tells of drops and renames only (MongoDB below 6.0), made whole: what was
// created or changed besides is found by looking at local's collections, and comes as the events of a newer server.
//
// Order    a collection is looked at before its first change is passed on, so that it stands on the backup as it is on
//          local before a document does; all of them every SYNC_DDL_POLL_INTERVAL, and whenever the stream is opened
// Rule     what local looks like now may lie ahead of the stream. A name whose drop or rename is still on its way is
//          left alone until that has come
// Shape    what was seen is kept in the queue's state under `polled/<namespace>`, written once the events that follow
//          from it are stored: after a crash they come again, which changes nothing
// Threads  one owner, as any source
#pragma once

#include <deque>
#include <map>
#include <set>

#include "dualsync/codec/ddl_event.h"
#include "dualsync/pipeline/collection_schema.h"
#include "dualsync/pipeline/context.h"

namespace dualsync {

class PolledDdl final : public ChangeSource {
 public:
  PolledDdl(PipelineContext& context, std::unique_ptr<ChangeSource> inner)
      : context_(context), inner_(std::move(inner)) {}

  Result<Position> open(const Position& from) override;
  Result<ChangeBatch> next(std::stop_token stop) override;
  void close() override { inner_->close(); }
  bool follows_changes() const override { return inner_->follows_changes(); }

 private:
  using Listing = std::map<Namespace, CollectionInfo>;

  Result<void> begin();
  Result<void> load();
  Result<void> commit();
  Result<void> forget_all();
  Result<void> list(DocumentReader& reader, const std::string& db, Listing* found);
  Result<Listing> list_all(DocumentReader& reader);
  Result<void> pass(std::string_view event);
  void follow(const DdlEvent& ddl);
  Result<void> introduce(const Namespace& ns, OpTime time);
  Result<void> poll(OpTime time);
  Result<void> compare(DocumentReader& reader, const CollectionInfo& info, OpTime time);
  bool moves_here(const CollectionInfo& info) const;
  void tell(const Namespace& ns, const CollectionSchema& now, OpTime time);
  void forget(const Namespace& ns);

  PipelineContext& context_;
  const std::unique_ptr<ChangeSource> inner_;
  bool polling_ = false;
  bool kept_ = false;  // the queue's state holds what was seen first
  SteadyTime next_poll_;
  std::map<Namespace, CollectionSchema> known_;  // as of what was passed on
  std::set<Namespace> changed_;                  // of known_, and not kept yet
  std::set<Namespace> gone_;                     // changed in the stream, and no longer there (or another) on local
  std::map<std::string, Listing> listings_;      // of this batch, by database
  std::deque<std::string> own_;                  // the events of this batch that are ours
  std::vector<std::string_view> events_;         // all of this batch
};

}  // namespace dualsync
