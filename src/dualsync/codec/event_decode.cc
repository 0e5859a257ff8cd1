#include "dualsync/codec/event_decode.h"

#include <algorithm>
#include <array>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/delta.h"

namespace dualsync {
namespace {

struct Parts {
  std::string_view type;
  std::string_view db;
  std::string_view collection;
  std::string_view document_key;
  std::string_view full_document;
  std::string_view update_description;
  OpTime time;
};

constexpr std::array<std::string_view, 7> kDdlTypes = {"create", "createIndexes", "dropIndexes", "modify",
                                                       "rename", "drop",          "dropDatabase"};

void read_namespace(const bson_iter_t& iter, Parts* parts) {
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &child)) return;
  while (bson_iter_next(&child)) {
    const std::string_view name = bson_iter_key(&child);
    if (name == "db") parts->db = iter_string(child).value_or(std::string_view());
    if (name == "coll") parts->collection = iter_string(child).value_or(std::string_view());
  }
}

// False if the bytes end in something that is not BSON.
bool read_parts(std::string_view event, Parts* parts) {
  bson_iter_t iter;
  if (!iterate_bson(event, &iter)) return false;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "operationType") {
      parts->type = iter_string(iter).value_or(std::string_view());
    } else if (name == "ns") {
      read_namespace(iter, parts);
    } else if (name == "documentKey") {
      parts->document_key = iter_document(iter).value_or(std::string_view());
    } else if (name == "fullDocument" && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      parts->full_document = iter_document(iter).value_or(std::string_view());
    } else if (name == "updateDescription" && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      parts->update_description = iter_document(iter).value_or(std::string_view());
    } else if (name == "clusterTime" && BSON_ITER_HOLDS_TIMESTAMP(&iter)) {
      bson_iter_timestamp(&iter, &parts->time.t, &parts->time.i);
    }
  }
  return iter.err_off == 0;
}

bool has_id(std::string_view document_key) {
  bson_iter_t iter;
  return find_field(document_key, "_id", &iter);
}

// The kind a document event stands for; kTouch where its content is not enough to be exact.
bool set_document_kind(const Parts& parts, OperationView* op) {
  if (parts.type == "insert" || parts.type == "replace") {
    op->kind = parts.type == "insert" ? OpKind::kInsert : OpKind::kReplace;
    op->payload = parts.full_document;
    if (op->payload.empty() || !has_id(op->payload)) {
      op->kind = OpKind::kTouch;
      op->payload = {};
    }
    return true;
  }
  if (parts.type == "update") {
    if (!parts.full_document.empty() && has_id(parts.full_document)) {
      op->kind = OpKind::kReplace;
      op->payload = parts.full_document;
      return true;
    }
    const bool exact = !parts.update_description.empty() && is_exact_delta(parts.update_description);
    op->kind = exact ? OpKind::kDelta : OpKind::kTouch;
    op->payload = exact ? parts.update_description : std::string_view();
    return true;
  }
  if (parts.type == "delete") {
    op->kind = OpKind::kDelete;
    return true;
  }
  return false;
}

DecodedEvent malformed(DecodedEvent event, std::string problem) {
  event.kind = DecodedEvent::Kind::kMalformed;
  event.op.kind = OpKind::kTouch;
  event.op.payload = {};
  event.problem = std::move(problem);
  return event;
}

}  // namespace

DecodedEvent decode_event(std::string_view bytes) {
  DecodedEvent event;
  Parts parts;
  const bool intact = read_parts(bytes, &parts);
  event.op.db = parts.db;
  event.op.collection = parts.collection;
  event.op.first_time = event.op.last_time = parts.time;
  if (has_id(parts.document_key)) event.op.document_key = parts.document_key;
  if (!intact) return malformed(std::move(event), "the event's bytes are not BSON");
  if (parts.type.empty()) return malformed(std::move(event), "the event has no operationType");
  if (parts.type == "invalidate") {
    event.kind = DecodedEvent::Kind::kInvalidate;
    return event;
  }
  // With expanded events, from 7.1 on: the transaction's own changes came before. It names no namespace.
  if (parts.type == "endOfTransaction") {
    event.kind = DecodedEvent::Kind::kNothing;
    return event;
  }
  if (parts.db.empty()) return malformed(std::move(event), "the event names no database");
  if (std::find(kDdlTypes.begin(), kDdlTypes.end(), parts.type) != kDdlTypes.end()) {
    event.kind = DecodedEvent::Kind::kDdl;
    event.op.kind = OpKind::kDdl;
    event.op.payload = bytes;
    event.op.document_key = {};
    return event;
  }
  if (!set_document_kind(parts, &event.op)) {
    return malformed(std::move(event), "unknown operationType '" + std::string(parts.type.substr(0, 64)) + "'");
  }
  if (parts.collection.empty()) return malformed(std::move(event), "the event names no collection");
  if (event.op.document_key.empty()) return malformed(std::move(event), "the event has no documentKey._id");
  event.kind = DecodedEvent::Kind::kDocument;
  return event;
}

}  // namespace dualsync
