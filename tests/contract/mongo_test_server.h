// TestServer: the servers that the contract tests run on.
//
// Shape    DUALSYNC_TEST_LOCAL_URI and DUALSYNC_TEST_BACKUP_URI (one is enough: it then is both sides), or else an
//          embedded server, started from the program that DUALSYNC_TEST_SERVER names, on a free port with a directory
//          of its own, and stopped at the end by its process id.
// Errors   neither is set, or the server does not start: every test fails with a message that says what to do
#pragma once

#include <string>

namespace dualsync::test {

// For the whole test program. Why there is no server, or nothing; then the URIs of both sides.
const std::string& server_problem();
const std::string& local_uri();
const std::string& backup_uri();

// Whether the server is the embedded one, some of whose behaviour is its own.
bool on_embedded_server();

}  // namespace dualsync::test
