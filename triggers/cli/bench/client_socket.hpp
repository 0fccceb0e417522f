#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coremachine::cli {

/// A connection to a server on loopback; blocks. Throws system_error.
int connect_to(std::uint16_t port);
/// Throws Failure if the server has gone.
void send_all(int socket, std::string_view bytes);

/// Throws system_error with errno.
[[noreturn]] void fail_by_system(const char* what);
/// Throws Failure: the server that is measured `what`.
[[noreturn]] void fail_by_server(const std::string& what);

}  // namespace coremachine::cli
