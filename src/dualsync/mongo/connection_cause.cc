#include "dualsync/mongo/connection_cause.h"

#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include <array>

#include "dualsync/base/redact.h"

namespace dualsync {
namespace {

struct CauseRow {
  std::string_view text;  // of libmongoc 1.2x, lower-case letters as it writes them
  ConnectionCause cause;
};

// First match wins: a TLS failure also mentions the socket, a closed connection also the call that met it.
constexpr std::array kCauseRows = {
    CauseRow{"No servers with name matching", ConnectionCause::kWrongSet},
    CauseRow{"does not match URI", ConnectionCause::kWrongSet},
    CauseRow{"Failed to resolve", ConnectionCause::kNameResolution},
    CauseRow{"Failed to look up", ConnectionCause::kNameResolution},
    CauseRow{"DNS", ConnectionCause::kNameResolution},
    CauseRow{"alert internal error", ConnectionCause::kAccessList},
    // OpenSSL's numbers (X509_V_ERR_...), which libmongoc puts into its text.
    CauseRow{"verify failed (2)", ConnectionCause::kTlsIssuer},
    CauseRow{"verify failed (18)", ConnectionCause::kTlsIssuer},
    CauseRow{"verify failed (19)", ConnectionCause::kTlsIssuer},
    CauseRow{"verify failed (20)", ConnectionCause::kTlsIssuer},
    CauseRow{"verify failed (21)", ConnectionCause::kTlsIssuer},
    CauseRow{"verify failed (9)", ConnectionCause::kTlsNotYetValid},
    CauseRow{"verify failed (10)", ConnectionCause::kTlsExpired},
    CauseRow{"verify failed (62)", ConnectionCause::kTlsHostName},
    CauseRow{"verify failed (64)", ConnectionCause::kTlsHostName},
    CauseRow{"TLS handshake failed", ConnectionCause::kTls},
    CauseRow{"certificate", ConnectionCause::kTls},
    CauseRow{"connection refused", ConnectionCause::kRefused},
    CauseRow{"connection timeout", ConnectionCause::kTimeout},
    CauseRow{"socket timeout", ConnectionCause::kTimeout},
    CauseRow{"Authentication failed", ConnectionCause::kAuthentication},
    CauseRow{"connection closed", ConnectionCause::kClosed},
    CauseRow{"Server closed connection", ConnectionCause::kClosed},
    CauseRow{"socket error or timeout", ConnectionCause::kClosed},
    CauseRow{"Failed to read", ConnectionCause::kClosed},
    CauseRow{"Failed to receive", ConnectionCause::kClosed},
};

struct Words {
  std::string_view cause;
  std::string_view hint;
};

Words words_of(ConnectionCause cause) {
  switch (cause) {
    case ConnectionCause::kNameResolution:
      return {"the name cannot be resolved (DNS)", "Check the host name in the URI and that this machine's DNS works."};
    case ConnectionCause::kRefused:
      return {"connection refused: no server listens there",
              "Start MongoDB there, or correct host and port in the URI."};
    case ConnectionCause::kTimeout:
      return {
          "no answer in time",
          "Check that the host is up, that a firewall lets TCP through, and, for Atlas, that outgoing ports 27015 to "
          "27017 are open, the cluster is not paused, and this machine's address is on the access list."};
    case ConnectionCause::kTls:
      return {
          "the TLS handshake failed",
          "Check that both sides use TLS, that the server accepts this client's certificate "
          "(tlsCertificateKeyFile), and the server's log."};
    case ConnectionCause::kTlsIssuer:
      return {"its TLS certificate comes from an issuer that is not trusted here",
              "Give the issuer's certificate with tlsCAFile= in the URI. If the issuer should be known, somebody may "
              "stand between this machine and the server."};
    case ConnectionCause::kTlsExpired:
      return {"its TLS certificate has expired", "Renew the server's certificate, or correct this machine's clock."};
    case ConnectionCause::kTlsNotYetValid:
      return {"its TLS certificate is not valid yet", "Correct the clock of this machine or of the issuer's."};
    case ConnectionCause::kTlsHostName:
      return {"its TLS certificate is for another host name",
              "Write the host in the URI as the certificate names it, or have one issued that names this host."};
    case ConnectionCause::kAuthentication:
      return {"authentication failed",
              "Check user, password (special characters written as %40 and so on) and authSource in the URI."};
    case ConnectionCause::kAccessList:
      return {"Atlas closed the connection at once",
              "Add this machine's public address to the project's access list in Atlas (Network Access)."};
    case ConnectionCause::kClosed:
      return {"the server closed the connection",
              "Check the server's log; a server that requires TLS does so without it, and one that knows its clients "
              "by certificates does so with one that it does not trust (tlsCertificateKeyFile)."};
    case ConnectionCause::kWrongSet:
      return {"the server belongs to another replica set", "Correct replicaSet= in the URI, or leave it out."};
    case ConnectionCause::kOther: break;
  }
  return {"not reachable", "Check host, port and options in the URI, and the server's log."};
}

bool is_atlas(std::string_view hosts) { return hosts.find(".mongodb.net") != std::string_view::npos; }

}  // namespace

ConnectionCause connection_cause(const bson_error_t& error, std::string_view hosts) {
  if (error.domain == MONGOC_ERROR_SCRAM || error.domain == MONGOC_ERROR_SASL) return ConnectionCause::kAuthentication;
  if (error.domain == MONGOC_ERROR_CLIENT && error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
    return ConnectionCause::kAuthentication;
  }
  if (error.domain == MONGOC_ERROR_STREAM && error.code == MONGOC_ERROR_STREAM_NAME_RESOLUTION) {
    return ConnectionCause::kNameResolution;
  }
  const std::string_view message(error.message);
  ConnectionCause cause = ConnectionCause::kOther;
  for (const CauseRow& row : kCauseRows) {
    if (message.find(row.text) == std::string_view::npos) continue;
    cause = row.cause;
    break;
  }
  if (cause == ConnectionCause::kClosed && is_atlas(hosts)) return ConnectionCause::kAccessList;
  if (cause == ConnectionCause::kAccessList && !is_atlas(hosts)) return ConnectionCause::kTls;
  return cause;
}

Error explain_connection(const bson_error_t& error, std::string_view hosts) {
  const ConnectionCause cause = connection_cause(error, hosts);
  const Words words = words_of(cause);
  Error result;
  result.kind = cause == ConnectionCause::kAuthentication ? ErrorKind::kDenied : ErrorKind::kConnectivity;
  result.message = fmt::format("{}: {} ({})", hosts, words.cause, redact(error.message));
  result.hint = fmt::format("{} [{}]", words.hint, hosts);
  result.code = static_cast<int>(error.code);
  return result;
}

}  // namespace dualsync
