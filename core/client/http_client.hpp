#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/model/time.hpp>

#include "core/client/response_reader.hpp"
#include "core/client/server_address.hpp"
#include "core/client/socket.hpp"
#include "core/client/transport.hpp"

namespace coremachine::client {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  ///< path and query, without the prefix of the server
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::optional<std::string> body = {};
  std::string content_type = "application/json";  ///< of the body
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

/// A request whose body goes out piece by piece.
class HttpUpload {
 public:
  Transported<void> write(std::string_view bytes);
  /// That was all; reads the answer.
  Transported<HttpReply> finish();

 private:
  friend class HttpClient;
  HttpUpload(Socket socket, Milliseconds patience) : socket_(std::move(socket)), patience_(patience) {}
  Socket socket_;
  const Milliseconds patience_;  ///< for each step
};

/// Speaks HTTP/1.1 with one server, over one connection that stays open between requests. Blocks; one thread at a time,
/// but for `interrupt`.
class HttpClient {
 public:
  HttpClient(ServerAddress server, HttpOptions options) : server_(std::move(server)), options_(std::move(options)) {}

  /// Sends a request and reads the whole answer. `patience` is added to the request time-out, for requests that wait on
  /// purpose. A request that may be sent twice (GET, HEAD, PUT, DELETE) is sent again when a connection that had been
  /// open turns out to be closed.
  Transported<HttpReply> exchange(const HttpRequest& request, Milliseconds patience = Milliseconds{0});
  /// Sends a request on a connection of its own and reads the head of the answer.
  Transported<std::unique_ptr<HttpStream>> open(const HttpRequest& request);
  /// Sends the head of a request on a connection of its own; what it has of a body is left out.
  Transported<std::unique_ptr<HttpUpload>> upload(const HttpRequest& request);
  /// An `exchange` that is under way, and every later one, fails as closed; but not while it is connecting. Any thread.
  void interrupt();

  const ServerAddress& server() const { return server_; }
  const HttpOptions& options() const { return options_; }

 private:
  Transported<HttpReply> exchange_on(Socket& socket, const HttpRequest& request, Deadline deadline);
  Transported<Socket> connect() const;
  std::string head_of(const HttpRequest& request) const;
  std::string written(const HttpRequest& request) const;
  bool keep(std::optional<Socket> socket);

  const ServerAddress server_;
  const HttpOptions options_;
  std::mutex mutex_;  ///< of what follows, where `interrupt` may be beside it
  std::optional<Socket> kept_;
  bool interrupted_ = false;
};

}  // namespace coremachine::client
