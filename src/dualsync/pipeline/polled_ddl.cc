#include "dualsync/pipeline/polled_ddl.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/codec/event_decode.h"

namespace dualsync {
namespace {

constexpr std::string_view kKept = "polled";
constexpr std::string_view kPrefix = "polled/";

std::string polled_key(const Namespace& ns) { return std::string(kPrefix) + ns.full(); }

// Of one collection or database; the mirror goes on without it, and comparisons tell.
bool is_of_one(ErrorKind kind) {
  return kind == ErrorKind::kRefused || kind == ErrorKind::kDenied || kind == ErrorKind::kNotFound;
}

}  // namespace

Result<Position> PolledDdl::open(const Position& from) {
  auto opened = inner_->open(from);
  if (!opened) return opened;
  known_.clear();
  changed_.clear();
  gone_.clear();
  polling_ = inner_->follows_changes() && !inner_->tells_ddl();
  auto kept = context_.queue.get_state(kKept);
  if (!kept) return kept.error();
  kept_ = kept->has_value();
  if (!polling_) {
    if (kept_) DUALSYNC_TRY(forget_all());
    return opened;
  }
  // Whoever begins here copies or compares everything, with what belongs to it.
  DUALSYNC_TRY(from.empty() ? begin() : load());
  next_poll_ = context_.clock.now();
  return opened;
}

Result<void> PolledDdl::begin() {
  DUALSYNC_TRY(load());
  for (const auto& [ns, schema] : known_) changed_.insert(ns);
  known_.clear();
  const auto reader = context_.local.make_reader();
  auto found = list_all(*reader);
  if (!found) return found.error();
  for (const auto& [ns, info] : *found) {
    auto schema = read_schema(*reader, info);
    if (!schema && !is_of_one(schema.error().kind)) return schema.error();
    if (!schema || !*schema) continue;
    known_[ns] = std::move(**schema);
    changed_.insert(ns);
  }
  kept_ = false;
  return {};
}

Result<void> PolledDdl::load() {
  if (!kept_) return {};
  auto stored = context_.queue.list_state(kPrefix);
  if (!stored) return stored.error();
  for (const auto& [name, bytes] : *stored) {
    if (auto schema = CollectionSchema::decode(bytes)) known_[Namespace::parse(name)] = std::move(*schema);
  }
  return {};
}

Result<void> PolledDdl::commit() {
  for (const Namespace& ns : changed_) {
    const auto found = known_.find(ns);
    DUALSYNC_TRY(context_.queue.put_state(polled_key(ns), found == known_.end() ? "" : found->second.encode()));
  }
  changed_.clear();
  if (!kept_) DUALSYNC_TRY(context_.queue.put_state(kKept, "1"));
  kept_ = true;
  return {};
}

// The server tells by itself now: what was seen grows old, and would be wrong if it ever went back.
Result<void> PolledDdl::forget_all() {
  auto stored = context_.queue.list_state(kPrefix);
  if (!stored) return stored.error();
  for (const auto& [name, bytes] : *stored)
    DUALSYNC_TRY(context_.queue.put_state(polled_key(Namespace::parse(name)), ""));
  return context_.queue.put_state(kKept, "");
}

Result<ChangeBatch> PolledDdl::next(std::stop_token stop) {
  if (!polling_) return inner_->next(std::move(stop));
  DUALSYNC_TRY(commit());  // whoever asks for the next batch has stored the last
  own_.clear();
  events_.clear();
  listings_.clear();
  auto batch = inner_->next(std::move(stop));
  if (!batch) return batch;
  for (const std::string_view event : batch->events) DUALSYNC_TRY(pass(event));
  if (context_.clock.now() >= next_poll_) {
    DUALSYNC_TRY(poll(batch->position.time));
    next_poll_ = context_.options.ddl_poll_interval.count() == 0
                     ? SteadyTime::max()
                     : context_.clock.now() + context_.options.ddl_poll_interval;
  }
  return ChangeBatch{events_, batch->position};
}

Result<void> PolledDdl::pass(std::string_view event) {
  const DecodedEvent decoded = decode_event(event);
  if (decoded.kind == DecodedEvent::Kind::kDocument && context_.scope.contains(decoded.op.db, decoded.op.collection)) {
    const Namespace ns = decoded.op.ns();
    if (!known_.contains(ns)) DUALSYNC_TRY(introduce(ns, decoded.op.last_time));
  }
  if (decoded.kind == DecodedEvent::Kind::kDdl) {
    if (const auto ddl = parse_ddl_event(event)) follow(*ddl);
  }
  events_.push_back(event);
  return {};
}

void PolledDdl::follow(const DdlEvent& ddl) {
  if (ddl.type == DdlEvent::Type::kRename) {
    std::optional<CollectionSchema> moved;
    if (const auto found = known_.find(ddl.ns); found != known_.end()) moved = found->second;
    forget(ddl.ns);
    forget(ddl.to);
    if (moved && context_.scope.contains(ddl.to)) known_[ddl.to] = std::move(*moved);
  } else if (ddl.type == DdlEvent::Type::kDrop) {
    forget(ddl.ns);
  } else if (ddl.type == DdlEvent::Type::kDropDatabase) {
    std::vector<Namespace> all;
    for (const auto& [ns, schema] : known_) all.push_back(ns);
    all.insert(all.end(), gone_.begin(), gone_.end());
    for (const Namespace& ns : all) {
      if (ns.db == ddl.ns.db) forget(ns);
    }
  }
}

void PolledDdl::forget(const Namespace& ns) {
  known_.erase(ns);
  gone_.erase(ns);
  changed_.insert(ns);
}

Result<void> PolledDdl::list(DocumentReader& reader, const std::string& db, Listing* found) {
  auto collections = reader.list_collections(db);
  if (!collections) {
    if (!is_of_one(collections.error().kind)) return collections.error();
    log::warn("capture", "what was created or changed in a database is not seen",
              {{"database", db}, {"error", collections.error().message}, {"hint", collections.error().hint}});
    return {};
  }
  for (CollectionInfo& info : *collections) {
    if (context_.scope.contains(info.ns)) (*found)[info.ns] = std::move(info);
  }
  return {};
}

Result<PolledDdl::Listing> PolledDdl::list_all(DocumentReader& reader) {
  Listing found;
  std::vector<std::string> databases = {context_.scope.single_database()};
  if (databases.front().empty()) {
    auto all = reader.list_databases();
    if (!all) return all.error();
    databases = std::move(*all);
  }
  for (const std::string& db : databases) {
    if (context_.scope.contains_database(db)) DUALSYNC_TRY(list(reader, db, &found));
  }
  return found;
}

// Its rename is still on its way.
bool PolledDdl::moves_here(const CollectionInfo& info) const {
  return !info.uuid.empty() && std::any_of(known_.begin(), known_.end(), [&](const auto& entry) {
    return entry.second.uuid == info.uuid && entry.first != info.ns;
  });
}

void PolledDdl::tell(const Namespace& ns, const CollectionSchema& now, OpTime time) {
  const auto before = known_.find(ns);
  for (std::string& event : schema_events(ns, before == known_.end() ? nullptr : &before->second, now, time))
    events_.push_back(own_.emplace_back(std::move(event)));
  known_[ns] = now;
  gone_.erase(ns);
  changed_.insert(ns);
}

// A document of a collection that is not known is about to be passed on.
Result<void> PolledDdl::introduce(const Namespace& ns, OpTime time) {
  if (gone_.contains(ns)) return {};
  const auto reader = context_.local.make_reader();
  const auto [listing, is_new] = listings_.try_emplace(ns.db);
  if (is_new) DUALSYNC_TRY(list(*reader, ns.db, &listing->second));
  const auto info = listing->second.find(ns);
  if (info != listing->second.end() && !moves_here(info->second)) {
    auto schema = read_schema(*reader, info->second);
    if (!schema && !is_of_one(schema.error().kind)) return schema.error();
    if (schema && *schema) {
      tell(ns, **schema, time);
      return {};
    }
  }
  gone_.insert(ns);  // what follows of it ends with a drop or a rename
  return {};
}

Result<void> PolledDdl::poll(OpTime time) {
  const auto reader = context_.local.make_reader();
  auto found = list_all(*reader);
  if (!found) return found.error();
  for (const auto& [ns, info] : *found) DUALSYNC_TRY(compare(*reader, info, time));
  // The stream tells nothing of views.
  std::vector<Namespace> dropped;
  for (const auto& [ns, schema] : known_) {
    if (schema.type == CollectionInfo::Type::kView && !found->contains(ns)) dropped.push_back(ns);
  }
  for (const Namespace& ns : dropped) {
    events_.push_back(own_.emplace_back(drop_event(ns, time)));
    forget(ns);
  }
  return {};
}

Result<void> PolledDdl::compare(DocumentReader& reader, const CollectionInfo& info, OpTime time) {
  using Type = CollectionInfo::Type;
  const auto known = known_.find(info.ns);
  if (known == known_.end()) {
    if (moves_here(info)) return {};
  } else if (known->second.type == Type::kView && info.type != Type::kView) {
    events_.push_back(own_.emplace_back(drop_event(info.ns, time)));
    forget(info.ns);
  } else if (known->second.type == Type::kCollection &&
             (info.type != Type::kCollection || info.uuid != known->second.uuid)) {
    return {};  // the drop of the one that is known is still on its way
  }
  auto schema = read_schema(reader, info);
  if (!schema) return is_of_one(schema.error().kind) ? Result<void>() : schema.error();
  const auto before = known_.find(info.ns);
  if (*schema && (before == known_.end() || before->second != **schema)) tell(info.ns, **schema, time);
  return {};
}

}  // namespace dualsync
