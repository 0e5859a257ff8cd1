#include <httplib.h>

#include <charconv>
#include <string_view>
#include <thread>

#include "dualsync/base/waiting.h"
#include "dualsync/observe/notifier.h"

namespace dualsync {
namespace {

constexpr std::time_t kConnectSeconds = 5;
constexpr std::time_t kAnswerSeconds = 10;
constexpr std::chrono::milliseconds kWholeRequest{15'000};

struct SplitUrl {
  std::string server;  // https://hooks.example.net:8443
  std::string path;
};

SplitUrl split(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find_first_of("/?", scheme == std::string::npos ? 0 : scheme + 3);
  if (path == std::string::npos) return {url, "/"};
  return {url.substr(0, path), (url[path] == '?' ? "/" : "") + url.substr(path)};
}

// %40 is @ in what stands before the server's name. Source: RFC 3986, 2.1 and 3.2.1.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    const bool coded =
        text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
    decoded += coded ? static_cast<char>(value) : text[i];
    if (coded) i += 2;
  }
  return decoded;
}

class HttpHook final : public WebHook {
 public:
  int post(const std::string& url, const std::string& json, const std::stop_token& stop) override {
    return send(url, stop, [&](httplib::Client* client, const std::string& path) {
      return client->Post(path, json, "application/json");
    });
  }
  int get(const std::string& url, const std::stop_token& stop) override {
    return send(url, stop, [](httplib::Client* client, const std::string& path) { return client->Get(path); });
  }

 private:
  template <typename Send>
  static int send(const std::string& url, const std::stop_token& stop, Send request) {
    SplitUrl parts = split(url);
    // user:password@ is no part of a server's name; it goes into a header.
    const std::size_t begin = parts.server.find("://") + 3;
    const std::size_t at = parts.server.rfind('@');
    std::string login;
    if (at != std::string::npos && at > begin) {
      login = parts.server.substr(begin, at - begin);
      parts.server.erase(begin, at + 1 - begin);
    }
    httplib::Client client(parts.server);
    if (!client.is_valid()) return 0;
    if (!login.empty()) {
      const std::size_t colon = login.find(':');
      client.set_basic_auth(percent_decoded(login.substr(0, colon)),
                            colon == std::string::npos ? "" : percent_decoded(login.substr(colon + 1)));
    }
    client.set_connection_timeout(kConnectSeconds);
    client.set_read_timeout(kAnswerSeconds);
    client.set_write_timeout(kAnswerSeconds);
    client.set_follow_location(false);
    const std::stop_callback stopped(stop, [&client] { client.stop(); });
    // The time-outs above are of each read: who answers a byte at a time would hold us for ever.
    const std::jthread deadline([&client](const std::stop_token& done) {
      sleep_for(kWholeRequest, done);
      if (!done.stop_requested()) client.stop();
    });
    const httplib::Result result = request(&client, parts.path);
    return result ? result->status : 0;
  }
};

}  // namespace

std::unique_ptr<WebHook> make_web_hook() { return std::make_unique<HttpHook>(); }

}  // namespace dualsync
