// What the application does to local.
#include "sim/sim_world.h"

namespace dualsync::sim {

Namespace SimWorld::any_namespace() {
  static const std::vector<std::string> kNames = {"bills", "goods", "staff"};
  if (random_.chance(2)) return {"shop", "secret"};  // excluded
  return {"shop", kNames[random_.below(kNames.size())]};
}

Fields SimWorld::new_fields() {
  Fields fields = {{"v", ++value_}, {"a", ++value_}};
  if (random_.chance(50)) fields.emplace_back("b", ++value_);
  if (refusals_ && random_.chance(10)) fields.emplace_back("refused", 1);
  return fields;
}

void SimWorld::write() {
  const Namespace ns = any_namespace();
  if (ddl_writes_ && random_.chance(6)) return write_ddl(ns);
  write_document(ns, {random_.between(1, ids_), wide_ids_ && random_.chance(20)});
}

void SimWorld::write_document(const Namespace& ns, Id id) {
  const std::string name = ns.full() + " " + std::to_string(id.number);
  const std::string* there = local_.get(ns, id);
  if (there == nullptr) {
    note("insert " + name);
    return local_.insert(ns, id, new_fields());
  }
  id = id_of(*there);
  const Fields fields = decode(*there);
  switch (random_.below(7)) {
    case 0: note("replace " + name); return local_.replace(ns, id, new_fields());
    case 1: note("delete " + name); return local_.remove(ns, id);
    case 2:  // a field that comes or goes
      for (const auto& [field, value] : fields) {
        if (field != "b") continue;
        note("update " + name + " without b");
        return local_.update(ns, id, {{"v", ++value_}}, {"b"}, false);
      }
      note("update " + name + " with b");
      return local_.update(ns, id, {{"b", ++value_}}, {}, false);
    case 3: note("update " + name + ", opaque"); return local_.update(ns, id, {{"v", ++value_}}, {}, true);
    case 4: note("update " + name + " a"); return local_.update(ns, id, {{"a", ++value_}}, {}, false);
    default: note("update " + name + " v"); return local_.update(ns, id, {{"v", ++value_}}, {}, false);
  }
}

void SimWorld::write_ddl(const Namespace& ns) {
  if (!local_.data().contains(ns) || ns.collection == "secret") return;
  if (random_.chance(40)) {
    note("drop " + ns.full());
    return local_.drop(ns);
  }
  const Namespace to = any_namespace();
  if (to == ns || to.collection == "secret") return;
  note("rename " + ns.full() + " to " + to.full());
  local_.rename(ns, to);
}

}  // namespace dualsync::sim
