// A .env file of any bytes is read or refused with the number of a line, and never with its text.
#include "dualsync/config/env_file.h"
#include "fuzz/fuzz.h"

FUZZ(env, input) {
  const auto entries = dualsync::parse_env_text(input);
  if (!entries) DUALSYNC_CHECK(entries.error().message.starts_with(".env line "));
}
