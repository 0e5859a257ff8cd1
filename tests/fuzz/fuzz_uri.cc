// A MongoDB URI of any bytes is accepted or refused with words; a password in it, where URIs have theirs, is neither in
// what is said of it nor in what remains when it is redacted. The first byte chooses the rules.
#include <mongoc/mongoc.h>

#include <string>

#include "dualsync/base/redact.h"
#include "dualsync/mongo/uri_check.h"
#include "fuzz/fuzz.h"

namespace {

constexpr std::string_view kSecret = "Pl4nted";  // not to be met by chance

void hides(std::string_view text) { DUALSYNC_CHECK(text.find(kSecret) == std::string_view::npos); }

void check(std::string_view uri, const dualsync::UriRules& rules, bool planted) {
  const auto checked = dualsync::check_uri(uri, rules);
  if (!checked) {
    DUALSYNC_CHECK(checked.error().message.starts_with(rules.name));
    DUALSYNC_CHECK(!checked.error().hint.empty());
    if (planted) hides(checked.error().message + checked.error().hint);
    return;
  }
  DUALSYNC_CHECK(!checked->hosts.empty());
  DUALSYNC_CHECK(!rules.require_tls || checked->tls || checked->srv || checked->all_loopback);
  if (planted) hides(checked->hosts + checked->database);
}

}  // namespace

FUZZ(uri, input) {
  if (input.empty()) return;
  static const bool quiet = [] {  // the driver tells of every option that it does not know
    mongoc_log_set_handler(nullptr, nullptr);
    return true;
  }();
  (void)quiet;
  const auto bits = static_cast<unsigned char>(input.front());
  const dualsync::UriRules rules{"A_URI", (bits & 1U) != 0, (bits & 2U) != 0};
  const std::string text(input.substr(1));
  check(text, rules, false);
  if (text.find(kSecret) != std::string::npos) return;
  for (const std::string& uri : {"mongodb://user:" + std::string(kSecret) + "@" + text,
                                 "mongodb+srv://user:" + std::string(kSecret) + "@" + text,
                                 "mongodb://h/?tlsCertificateKeyFilePassword=" + std::string(kSecret) + "&" + text}) {
    hides(dualsync::redact(uri));
    check(uri, rules, true);
  }
}
