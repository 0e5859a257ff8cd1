// An entry of an exported queue of any bytes is refused or taken; what is taken can be exported and taken again.
#include "dualsync/codec/json_scan.h"
#include "dualsync/codec/operation_json.h"
#include "dualsync/codec/validate.h"
#include "fuzz/fuzz.h"

FUZZ(json, input) {
  for (const bool as_recorded : {false, true}) {
    const dualsync::JsonRules rules{"shop", as_recorded};
    dualsync::JsonOperation operation;
    if (!dualsync::operation_from_json(input, rules, &operation)) continue;
    DUALSYNC_CHECK(operation.op.document_key.empty() || dualsync::is_valid_bson(operation.op.document_key));
    const auto text = dualsync::operation_to_json(1, operation.op, 5);
    if (!text) continue;
    dualsync::JsonOperation again;
    const auto taken = dualsync::operation_from_json(*text, rules, &again);
    DUALSYNC_CHECK(taken.ok());
    DUALSYNC_CHECK(again.document_key == operation.document_key && again.op.kind == operation.op.kind);
  }
}
