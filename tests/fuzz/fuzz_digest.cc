// A server's digest of any bytes is read; bounds of any bytes make a command that is BSON, or are refused.
#include "dualsync/codec/validate.h"
#include "dualsync/mongo/digest_command.h"
#include "fuzz/fuzz.h"

FUZZ(digest, input) {
  (void)dualsync::read_digest(input);
  if (!dualsync::is_valid_bson(input)) return;
  const dualsync::IdRange range{std::string(input), std::string(input)};
  dualsync::BsonDoc command;
  if (dualsync::build_digest_command({"shop", "bills"}, range, &command))
    DUALSYNC_CHECK(dualsync::is_valid_bson(dualsync::bytes_of(*command.get())));
}
