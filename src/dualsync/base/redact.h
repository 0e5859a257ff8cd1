// Removes credentials from whatever leaves the process: logs, errors, reports, API answers.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dualsync {

// Every `scheme://user:password@` in `text` becomes `scheme://user:***@`; so does a password with characters that
// should have been escaped, and one whose `@host` is missing, as far as it cannot be a port. A query value whose name
// tells of a secret (password, token, authMechanismProperties, tlsCertificateKeyFilePassword) becomes `***`. What
// cannot be decided is hidden: a text with an `@` behind a URI may lose more than the password.
std::string redact(std::string_view text);

// Words of a command line that nothing takes, as one text. Any may be a secret: `--api-token s3cret`, `-ps3cret`, or
// the rest of a password with a space in it. Names of flags, and plain words before the first of them (a command that
// is spelt wrongly), are shown, the rest is `***`.
std::string redact_arguments(std::span<const std::string> words);

}  // namespace dualsync
