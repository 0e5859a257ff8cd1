#include "sim/sim_backup.h"

#include "dualsync/codec/bson.h"
#include "dualsync/mongo/write_command.h"
#include "sim/sim_local.h"

namespace dualsync::sim {
namespace {

WriteOutcome failure(ErrorKind kind, int code) {
  WriteOutcome outcome;
  outcome.ok = false;
  outcome.error = {kind, "refused by the simulation", "", code};
  return outcome;
}

class SimWriter final : public BackupWriter {
 public:
  explicit SimWriter(SimBackup& backup)
      : backup_(backup), reader_(backup.make_reader()), session_(backup.new_session()) {}

  Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override {
    Link& link = backup_.link();
    SimBackup::Request request{session_, ++number_, ns, {}};
    for (const WriteItem& item : items)
      request.items.push_back({item.kind, std::string(item.document_key), std::string(item.payload)});
    link.meanwhile();
    if (link.fails()) {
      settled_ = false;
      if (!link.dead && link.random->chance(backup_.late_percent)) backup_.keep_late(std::move(request));
      return unreachable();
    }
    if (link.random->chance(backup_.throttle_percent)) return Error{ErrorKind::kThrottled, "too fast", "", 429};
    const bool cut = link.random->chance(link.cut_percent);
    auto outcomes = backup_.execute(request, cut && link.random->chance(50));
    link.meanwhile();
    if (!cut && !link.dead) return outcomes;
    settled_ = false;
    return unreachable();
  }
  // Only `_id` is unique here, so that nothing ever collides with anything else.
  Result<std::vector<WriteOutcome>> write_atomically(const Namespace&, std::span<const WriteItem>) override {
    return Error{ErrorKind::kUnsupported, "no transactions in the simulation", "", 0};
  }
  Result<std::vector<std::string>> find_equal(const Namespace&, std::string_view) override {
    return std::vector<std::string>();
  }
  bool settled() const override { return settled_; }
  Result<void> settle() override {
    if (settled_) return {};
    Link& link = backup_.link();
    link.meanwhile();
    if (link.fails()) return unreachable();
    backup_.execute({session_, ++number_, {}, {}}, false);
    if (link.random->chance(link.cut_percent)) return unreachable();
    settled_ = true;
    return {};
  }
  std::uint64_t bytes_sent() const override { return number_; }
  DocumentReader& reader() override { return *reader_; }

 private:
  SimBackup& backup_;
  std::unique_ptr<DocumentReader> reader_;
  const std::uint64_t session_;
  std::uint64_t number_ = 0;
  bool settled_ = true;
};

class SimSchema final : public SchemaWriter {
 public:
  explicit SimSchema(SimBackup& backup) : backup_(backup) {}
  Result<void> create_collection(const Namespace& ns, std::string_view) override {
    return call([&]() -> Result<void> {
      if (!backup_.data().contains(ns)) backup_.note("  backup: create " + ns.full());
      backup_.data()[ns];
      return {};
    });
  }
  Result<void> create_index(const Namespace&, std::string_view) override { return {}; }
  Result<void> drop_index(const Namespace&, const std::string&) override { return {}; }
  Result<void> modify_collection(const Namespace&, std::string_view) override { return {}; }
  Result<void> rename(const Namespace& from, const Namespace& to, bool drop_target) override {
    return call([&]() -> Result<void> {
      const auto found = backup_.data().find(from);
      if (found == backup_.data().end()) return Error{ErrorKind::kNotFound, "no such collection", "", 26};
      if (backup_.data().contains(to) && !drop_target) return Error{ErrorKind::kConflict, "target exists", "", 48};
      backup_.note("  backup: rename " + from.full() + " to " + to.full());
      Collection moved = std::move(found->second);
      backup_.data().erase(found);
      backup_.data()[to] = std::move(moved);
      return {};
    });
  }
  Result<void> drop(const Namespace& ns) override {
    return call([&]() -> Result<void> {
      backup_.note("  backup: drop " + ns.full());
      if (backup_.data().erase(ns) == 0) return Error{ErrorKind::kNotFound, "no such collection", "", 26};
      return {};
    });
  }

 private:
  Result<void> call(const std::function<Result<void>()>& effect) {
    Link& link = backup_.link();
    link.meanwhile();
    if (link.fails()) return unreachable();
    auto result = effect();
    if (link.dead || link.random->chance(link.cut_percent)) return unreachable();
    return result;
  }
  SimBackup& backup_;
};

std::string describe(const Namespace& ns, const SimBackup::Request::Item& item, const WriteOutcome& outcome) {
  static const char* const kKinds[] = {"insert", "replace", "delta", "delete"};
  return std::string("  backup: ") + kKinds[static_cast<int>(item.kind)] + " " + ns.full() + " " +
         std::to_string(id_of(item.document_key).number) + (item.payload.empty() ? "" : " " + to_json(item.payload)) +
         (outcome.ok ? "" : ": error " + std::to_string(outcome.error.code));
}

bool has_path(const Fields& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
}

}  // namespace

std::unique_ptr<DocumentReader> SimBackup::make_reader_of(Link& link) { return make_sim_reader(link, data_, time_); }
std::unique_ptr<BackupWriter> SimBackup::make_writer() { return std::make_unique<SimWriter>(*this); }
std::unique_ptr<SchemaWriter> SimBackup::make_schema_writer() { return std::make_unique<SimSchema>(*this); }

const std::string* SimBackup::get(const Namespace& ns, int id) const {
  const auto collection = data_.find(ns);
  if (collection == data_.end()) return nullptr;
  const auto found = collection->second.documents.find(key_of({id, false}));
  return found == collection->second.documents.end() ? nullptr : &found->second;
}

bool SimBackup::deliver_late() {
  if (late_.empty()) return false;
  const std::size_t which = link_.random->below(late_.size());
  const Request request = std::move(late_[which]);
  late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(which));
  if (newest_[request.session] < request.number) execute(request, false);
  return true;
}

std::vector<WriteOutcome> SimBackup::execute(const Request& request, bool in_part) {
  newest_[request.session] = request.number;
  std::vector<WriteOutcome> outcomes(request.items.size());
  using enum WriteItem::Kind;
  for (const auto kind : {kDelete, kReplace, kDelta, kInsert}) {
    for (std::size_t i = 0; i < request.items.size(); ++i) {
      if (request.items[i].kind != kind || (in_part && link_.random->chance(50))) continue;
      outcomes[i] = apply(request.ns, request.items[i]);
      note(describe(request.ns, request.items[i], outcomes[i]));
    }
  }
  return outcomes;
}

bool SimBackup::refused(std::string_view bytes) const {
  bson_iter_t iter;
  return refuses && find_field(bytes, "refused", &iter);
}

WriteOutcome SimBackup::apply(const Namespace& ns, const Request::Item& item) {
  if (item.kind == WriteItem::Kind::kDelete) {
    if (const auto found = data_.find(ns); found != data_.end()) found->second.documents.erase(item.document_key);
    return {};
  }
  if (item.kind == WriteItem::Kind::kDelta) return apply_delta(data_[ns], item);
  auto& documents = data_[ns].documents;
  const auto found = documents.find(item.document_key);
  if (refused(item.payload)) return failure(ErrorKind::kRefused, 121);
  if (found != documents.end()) {
    if (item.kind == WriteItem::Kind::kInsert) {
      WriteOutcome outcome = failure(ErrorKind::kDuplicateKey, 11000);
      outcome.duplicate_id = true;
      return outcome;
    }
    // The `_id`'s bytes cannot change by a replace.
    if (id_of(found->second).wide != id_of(item.payload).wide) return failure(ErrorKind::kHeal, 66);
    if (on_replace) on_replace(ns, found->second, item.payload);
  }
  documents.erase(item.document_key);
  documents[item.document_key] = item.payload;
  return {};
}

WriteOutcome SimBackup::apply_delta(Collection& collection, const Request::Item& item) {
  const WriteItem source{WriteItem::Kind::kDelta, item.document_key, item.payload};
  const std::size_t chosen = 0;
  const std::string name = "collection";
  BsonDoc command;
  const auto built = build_write({WriteItem::Kind::kDelta, &name, {&source, 1}, {&chosen, 1}, 1U << 20U, {}}, &command);
  if (!built) return failure(ErrorKind::kHeal, 0);
  const auto found = collection.documents.find(item.document_key);
  if (found == collection.documents.end()) return failure(ErrorKind::kHeal, 0);
  Fields fields = decode(found->second);
  bson_iter_t iter;
  bson_iter_t part;
  bson_iter_init(&iter, command.get());
  if (bson_iter_find_descendant(&iter, "updates.0.q", &part) && bson_iter_recurse(&part, &iter)) {
    while (bson_iter_next(&iter)) {
      if (BSON_ITER_IS_KEY(&iter, "_id")) continue;
      if (!has_path(fields, bson_iter_key(&iter))) return failure(ErrorKind::kHeal, 0);
    }
  }
  bson_iter_init(&iter, command.get());
  if (bson_iter_find_descendant(&iter, "updates.0.u.$set", &part) && bson_iter_recurse(&part, &iter)) {
    while (bson_iter_next(&iter)) {
      const std::string path = bson_iter_key(&iter);
      const int value = static_cast<int>(bson_iter_as_int64(&iter));
      if (int* there = find(&fields, path)) {
        *there = value;
      } else {
        fields.emplace_back(path, value);
      }
    }
  }
  bson_iter_init(&iter, command.get());
  if (bson_iter_find_descendant(&iter, "updates.0.u.$unset", &part) && bson_iter_recurse(&part, &iter)) {
    while (bson_iter_next(&iter))
      std::erase_if(fields, [&](const auto& field) { return field.first == bson_iter_key(&iter); });
  }
  const std::string after = encode(id_of(found->second), fields);
  if (refused(after)) return failure(ErrorKind::kRefused, 121);
  if (after == found->second) return failure(ErrorKind::kHeal, 0);
  found->second = after;
  return {};
}

}  // namespace dualsync::sim
