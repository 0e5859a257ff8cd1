// explain_connection: why a server could not be reached, told apart for a person.
//
// Rule     libmongoc gives one text for the failure of a connection and no code that tells name resolution, refusal,
//          time-out and TLS apart; its texts (not the server's) are therefore matched here, in one table, and nowhere
//          else. What is matched decides only the words; the ErrorKind is decided by domain and code.
#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"

namespace dualsync {

enum class ConnectionCause : std::uint8_t {
  kNameResolution,
  kRefused,
  kTimeout,
  kTls,
  kTlsIssuer,       // nobody whom this machine trusts vouches for the server's certificate
  kTlsExpired,      // the server's certificate has ended
  kTlsNotYetValid,  // or has not begun: one of the two clocks is wrong
  kTlsHostName,     // the certificate is another host's
  kAuthentication,
  kAccessList,  // Atlas closes the connection of an address that is not on the access list
  kClosed,
  kWrongSet,
  kOther,
};

ConnectionCause connection_cause(const bson_error_t& error, std::string_view hosts);

// An error that names the hosts, the cause and the fix. kConnectivity, or kDenied for authentication.
Error explain_connection(const bson_error_t& error, std::string_view hosts);

}  // namespace dualsync
