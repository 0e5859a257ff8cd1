// CollectionSchema: what a collection or view of local is apart from its documents, and the DDL events that lead from
// one to the next.
//
// Shape    options and index definitions are BSON as listCollections and listIndexes give them; events are change
//          events of the form that servers from 6.0 on give (codec/ddl_event.h)
// Threads  pure, but for read_schema()
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/ports/document_store.h"

namespace dualsync {

struct CollectionSchema {
  CollectionInfo::Type type = CollectionInfo::Type::kCollection;
  std::string uuid;                  // 16 bytes; empty: a view
  std::string options;               // a BSON document
  std::vector<std::string> indexes;  // without `_id_`; only of a plain collection

  bool operator==(const CollectionSchema&) const = default;
  std::string encode() const;
  static std::optional<CollectionSchema> decode(std::string_view bytes);
};

// Nothing: the collection is gone by now.
Result<std::optional<CollectionSchema>> read_schema(DocumentReader& reader, const CollectionInfo& info);

// `before` null: it is new. A change of options that no collMod repeats becomes a `modify` that names none.
std::vector<std::string> schema_events(const Namespace& ns, const CollectionSchema* before, const CollectionSchema& now,
                                       OpTime time);
std::string drop_event(const Namespace& ns, OpTime time);
// `type` as DdlEvent::name; an empty description: none.
std::string schema_event(std::string_view type, const Namespace& ns, std::string_view uuid, OpTime time,
                         std::string_view description);

}  // namespace dualsync
