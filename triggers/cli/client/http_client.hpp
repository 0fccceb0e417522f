#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/model/time.hpp>

#include "triggers/cli/client/response_reader.hpp"
#include "triggers/cli/client/server_address.hpp"
#include "triggers/cli/client/socket.hpp"
#include "triggers/cli/client/transport.hpp"

namespace coremachine::cli {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  ///< path and query, without the prefix of the server
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::optional<std::string> body = {};  ///< JSON
};

struct HttpReply {
  ResponseHead head;
  std::string body;
};

struct HttpOptions {
  std::string token = {};    ///< of a bearer; empty: none
  std::string ca_file = {};  ///< empty: the system's
  Milliseconds connect_timeout{5'000};
  Milliseconds request_timeout{30'000};
};

/// The body of an answer as it comes.
class HttpStream {
 public:
  const ResponseHead& head() const { return *reader_.head(); }
  /// The next bytes, which may take until `patience` is over; empty: that was all.
  Transported<std::string> read(Milliseconds patience);

 private:
  friend class HttpClient;
  HttpStream(Socket socket, ResponseReader reader) : socket_(std::move(socket)), reader_(std::move(reader)) {}
  Socket socket_;
  ResponseReader reader_;
};

/// Speaks HTTP/1.1 with one server, over one connection that stays open between requests. Blocks; one thread at a time.
class HttpClient {
 public:
  HttpClient(ServerAddress server, HttpOptions options) : server_(std::move(server)), options_(std::move(options)) {}

  /// Sends a request and reads the whole answer. `patience` is added to the request time-out, for requests that wait on
  /// purpose. A request that may be sent twice (GET, HEAD, PUT, DELETE) is sent again when a connection that had been
  /// open turns out to be closed.
  Transported<HttpReply> exchange(const HttpRequest& request, Milliseconds patience = Milliseconds{0});
  /// Sends a request on a connection of its own and reads the head of the answer.
  Transported<std::unique_ptr<HttpStream>> open(const HttpRequest& request);

  const ServerAddress& server() const { return server_; }
  const HttpOptions& options() const { return options_; }

 private:
  Transported<HttpReply> exchange_on(Socket& socket, const HttpRequest& request, Deadline deadline);
  Transported<Socket> connect() const;
  std::string written(const HttpRequest& request) const;

  const ServerAddress server_;
  const HttpOptions options_;
  std::optional<Socket> kept_;
};

}  // namespace coremachine::cli
