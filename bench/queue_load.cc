#include "queue_load.h"

#include <cstring>

#include "dualsync/codec/bson.h"

namespace dualsync::bench {
namespace {

constexpr std::size_t kNowhere = SIZE_MAX;
constexpr std::size_t kTextBytes = 400;
constexpr std::uint64_t kMixedPeriod = 10;

std::string key_bytes() {
  BsonDoc doc;
  BSON_APPEND_INT32(doc.get(), "_id", Patched::kId);
  return doc.str();
}

std::string update_bytes() {
  BsonDoc doc;
  bson_t child;
  bson_append_document_begin(doc.get(), "updatedFields", -1, &child);
  BSON_APPEND_INT32(&child, "count", Patched::kValue);
  BSON_APPEND_DOUBLE(&child, "value", 0.5);
  bson_append_document_end(doc.get(), &child);
  bson_append_array_begin(doc.get(), "removedFields", -1, &child);
  bson_append_array_end(doc.get(), &child);
  return doc.str();
}

std::string document_bytes() {
  BsonDoc doc;
  BSON_APPEND_INT32(doc.get(), "_id", Patched::kId);
  BSON_APPEND_INT32(doc.get(), "count", Patched::kValue);
  BSON_APPEND_DOUBLE(doc.get(), "value", 0.5);
  BSON_APPEND_UTF8(doc.get(), "name", "document");
  BSON_APPEND_UTF8(doc.get(), "text", std::string(kTextBytes, 'x').c_str());
  return doc.str();
}

}  // namespace

std::size_t Patched::place_of(std::string_view bytes, std::int32_t marker) {
  const std::string_view text(reinterpret_cast<const char*>(&marker), sizeof marker);
  const std::size_t place = bytes.find(text);
  return place == std::string_view::npos ? kNowhere : place;
}

Patched::Patched(std::string bytes)
    : bytes_(std::move(bytes)), id_(place_of(bytes_, kId)), value_(place_of(bytes_, kValue)) {}

void Patched::set(std::int32_t id, std::int32_t value) {
  if (id_ != kNowhere) std::memcpy(bytes_.data() + id_, &id, sizeof id);
  if (value_ != kNowhere) std::memcpy(bytes_.data() + value_, &value, sizeof value);
}

LoadMaker::LoadMaker(Load load, std::int32_t documents, std::size_t batch)
    : load_(load),
      documents_(documents),
      slots_(batch, Slot{Patched(key_bytes()), Patched(update_bytes()), Patched(document_bytes())}) {
  for (std::size_t i = 0; i < batch; ++i) {
    OperationView op;
    op.db = "bench";
    op.collection = "documents";
    op.document_key = slots_[i].key.bytes();
    op.enqueued_ms = 1;
    batch_.operations.push_back(op);
  }
  batch_.position = {"token", {100, 1}, false, "rs0"};
}

const AppendBatch& LoadMaker::next() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    const auto id = static_cast<std::int32_t>(random_ % static_cast<std::uint64_t>(documents_));
    const auto value = static_cast<std::int32_t>(++made_ & 0x7FFFFFFFU);
    Slot& slot = slots_[i];
    const bool whole = load_ == Load::kDocuments || (load_ == Load::kMixed && made_ % kMixedPeriod == 0);
    Patched& payload = whole ? slot.document : slot.update;
    slot.key.set(id, value);
    payload.set(id, value);
    OperationView& op = batch_.operations[i];
    op.kind = whole ? OpKind::kReplace : OpKind::kDelta;
    op.payload = payload.bytes();
    op.first_time = op.last_time = batch_.position.time;
  }
  batch_.position.time.t += 1;
  return batch_;
}

std::string LoadMaker::document(std::int32_t id) {
  Patched made(document_bytes());
  made.set(id, 0);
  return made.bytes();
}

std::int32_t LoadMaker::id_of(std::string_view document_key) {
  bson_iter_t iter;
  return find_field(document_key, "_id", &iter) ? bson_iter_int32(&iter) : -1;
}

}  // namespace dualsync::bench
