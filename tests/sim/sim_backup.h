// The backup of the simulation. A write can be cut before or after it took effect, or in the middle of a bulk; one that
// was cut before may still arrive later, unless its session has sent a newer one since (a server refuses an older
// transaction number).
//
// Rule     deltas are carried out as the product's own command says, `$exists` and all
// Threads  one at a time
#pragma once

#include "dualsync/ports/sides.h"
#include "sim/sim_document.h"
#include "sim/sim_link.h"

namespace dualsync::sim {

class SimBackup final : public BackupSide {
 public:
  SimBackup(Link& link, std::function<OpTime()> time) : link_(link), time_(std::move(time)) {}

  std::unique_ptr<DocumentReader> make_reader() override { return make_reader_of(link_); }
  std::unique_ptr<BackupWriter> make_writer() override;
  std::unique_ptr<SchemaWriter> make_schema_writer() override;

  Data& data() { return data_; }
  Link& link() { return link_; }
  const std::string* get(const Namespace& ns, int id) const;

  std::function<void(const std::string&)> note = [](const std::string&) {};
  int throttle_percent = 0;
  int late_percent = 0;  // of writes cut before their effect: those that arrive later
  bool refuses = false;  // documents with the field `refused`
  // A whole document is about to go over another one.
  std::function<void(const Namespace&, std::string_view before, std::string_view after)> on_replace;

  // Delivers one late write, if its session allows it; false: none is under way.
  bool deliver_late();
  void forget_late() { late_.clear(); }  // the connections of a dead process are closed

  struct Request {
    std::uint64_t session = 0;
    std::uint64_t number = 0;
    Namespace ns;
    struct Item {
      WriteItem::Kind kind;
      std::string document_key;
      std::string payload;
    };
    std::vector<Item> items;
  };
  std::vector<WriteOutcome> execute(const Request& request, bool in_part);
  std::uint64_t new_session() { return ++sessions_; }
  void keep_late(Request request) { late_.push_back(std::move(request)); }

 private:
  std::unique_ptr<DocumentReader> make_reader_of(Link& link);
  WriteOutcome apply(const Namespace& ns, const Request::Item& item);
  WriteOutcome apply_delta(Collection& collection, const Request::Item& item);
  bool refused(std::string_view bytes) const;

  Link& link_;
  const std::function<OpTime()> time_;
  Data data_;
  std::uint64_t sessions_ = 0;
  std::map<std::uint64_t, std::uint64_t> newest_;  // session -> number of its newest write
  std::vector<Request> late_;
};

}  // namespace dualsync::sim
