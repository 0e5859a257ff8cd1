// Files as they are: the dashboard and the contract of the API. And the events that the dashboard lives on.
#include <fmt/format.h>

#include <memory>

#include "dualsync/api/api_server_impl.h"
#include "dualsync/web/assets.h"

namespace dualsync {
namespace {

// Nothing but our own files, and nobody may frame the page.
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kRetry = "retry: 2000\n\n";

// One who watches, and the place that it takes.
struct Watcher {
  explicit Watcher(std::atomic<int>& all) : watching(all) {}
  ~Watcher() { watching.fetch_sub(1); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  std::atomic<int>& watching;
  std::uint64_t seen = 0;
  std::uint64_t seen_verdict = 0;
};

}  // namespace

using httplib::Request;
using httplib::Response;

void ApiServer::Impl::get_page(const Request& request, Response& response) {
  const Asset* asset = find_asset(request.path);
  if (asset == nullptr) return answer_not_found(response);
  response.status = 200;
  response.set_header("Content-Security-Policy", kContentSecurityPolicy);
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_content(asset->content.data(), asset->content.size(), std::string(asset->content_type));
}

void ApiServer::Impl::get_events(const Request& /*request*/, Response& response) {
  const bool granted = watching.fetch_add(1) < kWatchersMax;
  const auto watcher = std::make_shared<Watcher>(watching);
  if (!granted) {
    return answer_busy(response, "too-many-watchers", fmt::format("{} clients are watching already", kWatchersMax),
                       "close one of them; GET /api/sync/status tells the same", 10);
  }
  response.set_chunked_content_provider(
      "text/event-stream", [this, watcher](std::size_t offset, httplib::DataSink& sink) {
        const auto sample = feed.next(watcher->seen);
        if (sample == nullptr) {
          sink.done();
          return true;
        }
        const std::string text = (offset == 0 ? std::string(kRetry) : "") + event_text(*sample, watcher->seen_verdict);
        watcher->seen = sample->id;
        watcher->seen_verdict = sample->verdict_id;
        return sink.write(text.data(), text.size());
      });
}

}  // namespace dualsync
