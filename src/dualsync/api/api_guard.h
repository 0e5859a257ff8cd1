// Who may talk to the API: pure checks of request headers.
//
// Threads  pure; any
#pragma once

#include <string>
#include <string_view>

namespace dualsync {

// True if `authorization` (a header's value) is "Bearer " and exactly `token`. Takes the same time for every wrong
// token of the same length, so that it cannot be guessed character by character. An empty `token` lets nobody in.
bool bearer_matches(std::string_view authorization, std::string_view token);

// True if `host` (the Host header) names this machine: localhost, 127.0.0.1 or [::1], with any port or none. On
// loopback everything else is a page that had its own name resolve to 127.0.0.1 (DNS rebinding).
bool is_loopback_host_header(std::string_view host);

// True if a browser's `origin` ("http://localhost:8787") is the page that `host` itself served.
bool same_origin(std::string_view origin, std::string_view host);

}  // namespace dualsync
