// The local server of the simulation: documents, an oplog of change events as a server sends them, and the whole
// history of every document, which is what the backup is held against.
//
// Threads  one at a time
#pragma once

#include <deque>
#include <optional>

#include "dualsync/ports/sides.h"
#include "sim/sim_document.h"
#include "sim/sim_link.h"

namespace dualsync::sim {

struct Version {
  OpTime time;
  std::string document;                // empty: there was none
  bool inserted = false;               // by an insert, not by a rename
  std::optional<Namespace> from = {};  // by a rename of this collection
};

class SimLocal final : public LocalSide {
 public:
  explicit SimLocal(Link& link) : link_(link) {}

  // Each is one write of an application, with its event.
  void insert(const Namespace& ns, Id id, const Fields& fields);
  void replace(const Namespace& ns, Id id, const Fields& fields);
  // What `update` is to say about it: fields set (new ones go to the end) and fields removed. `opaque`: the event is of
  // a sort that cannot be replayed exactly.
  void update(const Namespace& ns, Id id, const Fields& set, const std::vector<std::string>& removed, bool opaque);
  void remove(const Namespace& ns, Id id);
  void rename(const Namespace& from, const Namespace& to);
  void drop(const Namespace& ns);
  void noop() { tick(); }
  void roll_over(std::size_t keep);  // the oplog forgets all but its newest entries

  const Data& data() const { return data_; }
  OpTime time() const { return time_; }
  const std::string* get(const Namespace& ns, Id id) const;
  // Oldest first; before the first there was no document.
  const std::map<std::pair<Namespace, int>, std::vector<Version>>& history() const { return history_; }

  std::unique_ptr<ChangeSource> make_change_source() override;
  std::unique_ptr<DocumentReader> make_reader() override;

  struct Entry {
    OpTime time;
    std::string event;
  };
  const std::deque<Entry>& oplog() const { return oplog_; }
  OpTime oldest() const { return oldest_; }
  Link& link() { return link_; }
  // How many batches the change stream gives before it says that it was stopped.
  int batches_allowed = 0;
  std::size_t batch_events = 3;
  bool uuids_in_events = true;  // servers below 6.0 send none
  bool post_images = false;     // updates come with the document as they left it

 private:
  OpTime tick();
  void set(const Namespace& ns, Id id, const std::string& document, bool inserted);
  void log_event(const std::string& type, const Namespace& ns, const std::string& uuid,
                 const std::function<void(void*)>& rest);
  std::string uuid_of(const Namespace& ns) const;
  void create(const Namespace& ns);

  Link& link_;
  Data data_;
  std::deque<Entry> oplog_;
  OpTime time_{100, 1};
  OpTime oldest_;  // every event after it is there
  int collections_ = 0;
  std::map<std::pair<Namespace, int>, std::vector<Version>> history_;
};

// Reads `data` over `link`; both sides have one.
std::unique_ptr<DocumentReader> make_sim_reader(Link& link, Data& data, std::function<OpTime()> time);

}  // namespace dualsync::sim
