// Removes credentials from whatever leaves the process: logs, errors, reports, API answers.
#pragma once

#include <string>
#include <string_view>

namespace dualsync {

// Every `scheme://user:password@` in `text` becomes `scheme://user:***@`; a query value whose name tells of a secret
// (password, token, authMechanismProperties, tlsCertificateKeyFilePassword) becomes `***`.
std::string redact(std::string_view text);

}  // namespace dualsync
