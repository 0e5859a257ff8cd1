#include "hot_events.h"

#include <cstdlib>
#include <string_view>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/event_decode.h"

namespace dualsync::bench {
namespace {

constexpr std::int32_t kHotDocuments = 1000;
constexpr std::int32_t kFirstNewId = 10'000'000;
constexpr std::size_t kTextBytes = 390;
constexpr std::size_t kBatch = 1000;                 // as many as a server hands out at once
constexpr std::string_view kPattern = "iuiuiuiuid";  // insert, update, delete
constexpr std::uint32_t kFirstSecond = 1'700'000'000;
// As long as a server's: what is in it does not matter.
constexpr char kToken[] =
    "8265A0BF8C000000012B042C0100296E5A1004D9C4F4C2A1B24C7E8F1B3A5D6E7F8091463C6F7065726174696F6E54797065003C696E736572"
    "740046646F63756D656E744B65790046645F69640064635A0BF8C00000000000000000004";

}  // namespace

void EventMaker::start(bson_t* event, const char* type, std::int32_t id, std::uint32_t second) {
  bson_t child;
  bson_append_document_begin(event, "_id", -1, &child);
  BSON_APPEND_UTF8(&child, "_data", kToken);
  bson_append_document_end(event, &child);
  BSON_APPEND_UTF8(event, "operationType", type);
  BSON_APPEND_TIMESTAMP(event, "clusterTime", second, 1);
  BSON_APPEND_DATE_TIME(event, "wallTime", std::int64_t{second} * 1000);
  bson_append_document_begin(event, "ns", -1, &child);
  BSON_APPEND_UTF8(&child, "db", "bench");
  BSON_APPEND_UTF8(&child, "coll", "documents");
  bson_append_document_end(event, &child);
  bson_append_document_begin(event, "documentKey", -1, &child);
  BSON_APPEND_INT32(&child, "_id", id);
  bson_append_document_end(event, &child);
}

std::string EventMaker::insert(std::int32_t id, std::uint32_t second) {
  static const std::string text(kTextBytes, 'x');
  BsonDoc event;
  start(event.get(), "insert", id, second);
  bson_t document;
  bson_append_document_begin(event.get(), "fullDocument", -1, &document);
  BSON_APPEND_INT32(&document, "_id", id);
  BSON_APPEND_UTF8(&document, "name", "document");
  BSON_APPEND_DOUBLE(&document, "value", 0.5);
  BSON_APPEND_INT32(&document, "count", 0);
  BSON_APPEND_UTF8(&document, "text", text.c_str());
  bson_t nested;
  bson_append_document_begin(&document, "nested", -1, &nested);
  BSON_APPEND_INT32(&nested, "a", id);
  bson_append_document_end(&document, &nested);
  bson_append_document_end(event.get(), &document);
  return event.str();
}

std::string EventMaker::update(std::int32_t id, std::int32_t value, std::uint32_t second) {
  BsonDoc event;
  start(event.get(), "update", id, second);
  bson_t description;
  bson_t child;
  bson_append_document_begin(event.get(), "updateDescription", -1, &description);
  bson_append_document_begin(&description, "updatedFields", -1, &child);
  BSON_APPEND_INT32(&child, "count", value);
  BSON_APPEND_DOUBLE(&child, "value", value * 0.5);
  bson_append_document_end(&description, &child);
  bson_append_array_begin(&description, "removedFields", -1, &child);
  bson_append_array_end(&description, &child);
  bson_append_array_begin(&description, "truncatedArrays", -1, &child);
  bson_append_array_end(&description, &child);
  bson_append_document_end(event.get(), &description);
  return event.str();
}

std::string EventMaker::removal(std::int32_t id, std::uint32_t second) {
  BsonDoc event;
  start(event.get(), "delete", id, second);
  return event.str();
}

std::int32_t EventMaker::random_hot() {
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  return static_cast<std::int32_t>(random_ % kHotDocuments);
}

std::vector<std::string> EventMaker::make(std::size_t count) {
  std::vector<std::string> events;
  events.reserve(count);
  while (events.size() < count) {
    const std::uint32_t second = kFirstSecond + made_ / static_cast<std::uint32_t>(kBatch);
    const char kind = events_ == Events::kInserts   ? 'i'
                      : events_ == Events::kUpdates ? 'u'
                                                    : kPattern[made_ % kPattern.size()];
    if (kind == 'i') {
      events.push_back(insert(kFirstNewId + inserted_++, second));
    } else if (kind == 'u') {
      events.push_back(update(random_hot(), static_cast<std::int32_t>(made_), second));
    } else {
      events.push_back(removal(kFirstNewId + deleted_++, second));
    }
    ++made_;
  }
  return events;
}

std::vector<AppendBatch> batches_of(const std::vector<std::string>& events) {
  std::vector<AppendBatch> batches;
  for (const std::string& event : events) {
    if (batches.empty() || batches.back().operations.size() == kBatch) batches.emplace_back();
    AppendBatch& batch = batches.back();
    DecodedEvent decoded = decode_event(event);
    if (decoded.kind != DecodedEvent::Kind::kDocument) std::abort();
    decoded.op.enqueued_ms = 1;
    batch.operations.push_back(decoded.op);
    batch.position = {kToken, decoded.op.last_time, false, "rs0"};
  }
  return batches;
}

}  // namespace dualsync::bench
