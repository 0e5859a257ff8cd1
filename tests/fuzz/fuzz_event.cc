// A change event of any bytes is understood, or says what of it can still be known; a record made of it can be read.
#include "dualsync/codec/ddl_event.h"
#include "dualsync/codec/event_decode.h"
#include "dualsync/codec/operation_codec.h"
#include "fuzz/fuzz.h"

FUZZ(event, input) {
  const dualsync::DecodedEvent event = dualsync::decode_event(input);
  if (event.kind == dualsync::DecodedEvent::Kind::kMalformed) DUALSYNC_CHECK(!event.problem.empty());
  if (event.kind == dualsync::DecodedEvent::Kind::kDdl) {
    const auto ddl = dualsync::parse_ddl_event(input);
    if (ddl) DUALSYNC_CHECK(!ddl->name.empty());
  }
  if (event.kind != dualsync::DecodedEvent::Kind::kDocument) return;
  std::string record;
  dualsync::encode_operation(event.op, &record);
  const auto read = dualsync::decode_operation(record);
  DUALSYNC_CHECK(read.ok());
  DUALSYNC_CHECK(read->payload == event.op.payload && read->document_key == event.op.document_key);
}
