#include "dualsync/json/value_json.h"

#include "dualsync/base/hex.h"
#include "dualsync/base/time_text.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

Json parsed_or_null(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);  // false: no exceptions, but a marked value
  return value.is_discarded() ? Json(nullptr) : value;
}

}  // namespace

Json op_time_json(OpTime time) {
  if (time.is_null()) return nullptr;
  return {{"t", time.t}, {"i", time.i}};
}

Json id_value(const std::string& id_json) {
  Json id = Json::parse(id_json, nullptr, false);
  return id.is_discarded() ? Json(id_json) : id;
}

Json differences_json(const std::vector<Difference>& differences) {
  Json list = Json::array();
  for (const Difference& difference : differences) {
    list.push_back(
        {{"kind", to_string(difference.kind)}, {"id", id_value(difference.id_json)}, {"path", difference.path}});
  }
  return list;
}

Json drill_report_json(const DrillReport& report) {
  Json body{{"proven", report.sound()},
            {"whole", report.whole},
            {"target", report.target},
            {"comparedWithLocal", report.compared},
            {"localNote", report.local_note},
            {"documents", report.documents()},
            {"leftoversDropped", report.leftovers},
            {"finished", iso8601(report.finished_ms)},
            {"seconds", report.seconds}};
  body["namespaces"] = Json::array();
  for (const DrilledNamespace& one : report.namespaces) {
    body["namespaces"].push_back({{"namespace", one.ns.full()},
                                  {"type", one.type},
                                  {"documents", one.documents},
                                  {"indexes", one.indexes},
                                  {"problems", one.problems},
                                  {"differenceCount", one.difference_count},
                                  {"differences", differences_json(one.differences)},
                                  {"unsettled", one.unsettled},
                                  {"excepted", one.excepted}});
  }
  return body;
}

Json queue_listing_json(const QueueListing& listing) {
  Json operations = Json::array();
  for (const ListedOperation& op : listing.operations) {
    operations.push_back(
        {{"sequence", op.seq},
         {"type", to_string(op.kind)},
         {"namespace", op.ns.full()},
         {"documentKey", op.document_key.empty() ? Json(nullptr) : parsed_or_null(to_json(op.document_key))},
         {"bytes", op.bytes},
         {"attempts", op.attempts},
         {"enqueued", iso8601(op.enqueued_ms)},
         {"clusterTime", op_time_json(op.time)}});
  }
  return {{"total", listing.total}, {"operations", std::move(operations)}};
}

Json held_json(const std::vector<HeldDeletes>& held) {
  Json list = Json::array();
  for (const HeldDeletes& one : held) {
    list.push_back({{"namespace", one.ns.full()},
                    {"undecided", one.held || one.documents > 0},
                    {"documents", one.documents},
                    {"discarded", one.discarded},
                    {"deletes", one.deletes},
                    {"of", one.of},
                    {"since", iso8601(one.since_ms)}});
  }
  return list;
}

Json held_documents_json(const WithheldPage& page) {
  Json documents = Json::array();
  for (const WithheldDocument& one : page.documents) {
    documents.push_back({{"namespace", one.ns.full()},
                         {"documentKey", parsed_or_null(to_json(one.document_key))},
                         {"documentKeyHex", to_hex(one.document_key)},  // BSON, for what JSON cannot tell exactly
                         {"state", one.state == Withheld::kHeld ? "held" : "discarded"},
                         {"since", iso8601(one.since_ms)}});
  }
  return {{"documents", std::move(documents)}, {"next", page.next.empty() ? Json(nullptr) : Json(to_hex(page.next))}};
}

}  // namespace dualsync
