#include "dualsync/web/assets.h"

#include <algorithm>
#include <array>

// Made by assets.S.
#define DUALSYNC_ASSET(name) extern "C" const char dualsync_asset_##name[], dualsync_asset_##name##_end[]
DUALSYNC_ASSET(index);
DUALSYNC_ASSET(css);
DUALSYNC_ASSET(js);
DUALSYNC_ASSET(charts);
DUALSYNC_ASSET(events);
DUALSYNC_ASSET(format);
DUALSYNC_ASSET(dom);
DUALSYNC_ASSET(held);
DUALSYNC_ASSET(icon);
DUALSYNC_ASSET(openapi);
DUALSYNC_ASSET(bootstrap);
DUALSYNC_ASSET(chartjs);
#undef DUALSYNC_ASSET

namespace dualsync {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kCss = "text/css; charset=utf-8";
constexpr std::string_view kScript = "text/javascript; charset=utf-8";
constexpr std::string_view kSvg = "image/svg+xml";

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

const Asset* find_asset(std::string_view path) {
  static const std::array<Asset, 12> kAssets = {{
      {"/", kHtml, between(dualsync_asset_index, dualsync_asset_index_end)},
      {"/assets/dashboard.css", kCss, between(dualsync_asset_css, dualsync_asset_css_end)},
      {"/assets/dashboard.js", kScript, between(dualsync_asset_js, dualsync_asset_js_end)},
      {"/assets/charts.js", kScript, between(dualsync_asset_charts, dualsync_asset_charts_end)},
      {"/assets/events.js", kScript, between(dualsync_asset_events, dualsync_asset_events_end)},
      {"/assets/format.js", kScript, between(dualsync_asset_format, dualsync_asset_format_end)},
      {"/assets/dom.js", kScript, between(dualsync_asset_dom, dualsync_asset_dom_end)},
      {"/assets/held.js", kScript, between(dualsync_asset_held, dualsync_asset_held_end)},
      {"/api/openapi.json", "application/json", between(dualsync_asset_openapi, dualsync_asset_openapi_end)},
      {"/assets/icon.svg", kSvg, between(dualsync_asset_icon, dualsync_asset_icon_end)},
      {"/assets/bootstrap.min.css", kCss, between(dualsync_asset_bootstrap, dualsync_asset_bootstrap_end)},
      {"/assets/chart.min.js", kScript, between(dualsync_asset_chartjs, dualsync_asset_chartjs_end)},
  }};
  const auto found = std::find_if(kAssets.begin(), kAssets.end(), [&](const Asset& one) { return one.path == path; });
  return found == kAssets.end() ? nullptr : found;
}

}  // namespace dualsync
