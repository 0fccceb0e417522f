#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/client/server_address.hpp"
#include "core/client/transport.hpp"

namespace coremachine::client {

/// A connection to a server, plain or by TLS, with blocking calls that give up at a deadline. One thread at a time.
/// After a failure it is of no more use.
class Socket {
 public:
  /// Tries every address of the host in turn. `ca_file` is trusted in place of the system's certificates; empty: those.
  /// The certificate has to be valid and for this host.
  static Transported<Socket> connect(const ServerAddress& server, const std::string& ca_file, Deadline deadline);

  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  /// All of it.
  Transported<void> write(std::string_view bytes, Deadline deadline);
  /// At least one byte; 0: the other side has closed.
  Transported<std::size_t> read(char* into, std::size_t size, Deadline deadline);
  /// Whether something waits to be read, be it the end: what was quiet for a while may have been closed meanwhile.
  bool has_news() const;
  /// Whoever reads or writes now finds it closed. Any thread.
  void shut_down();

 private:
  struct State;
  explicit Socket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::client
