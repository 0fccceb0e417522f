#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>

#include "triggers/http/wire/message.hpp"
#include "triggers/http/wire/request_reader.hpp"

namespace coremachine::http {

class Exchange;

/// The body of an answer that comes piece by piece. Any thread may call it. Who drops it without `end` breaks the
/// answer off: the connection closes, so that the client can tell.
class Stream {
 public:
  explicit Stream(std::shared_ptr<Exchange> exchange);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// False: nobody reads this any more. The client is gone, or was so slow that its buffer
  /// (`ServerLimits::stream_buffer`) would overflow and it was cut off, or the stream has ended.
  bool write(std::string bytes);
  /// The body is complete. What comes after is dropped.
  void end();
  /// Called once, on an I/O thread, when the client went away, was cut off, or the server ends the stream because it
  /// drains; never after `end`. At once (still on an I/O thread) if that has happened already.
  void on_gone(std::function<void()> then);
  /// Called on an I/O thread each time the client has taken all that was written: the moment to write more of something
  /// large. Set before the first write.
  void on_drained(std::function<void()> then);

 private:
  std::shared_ptr<Exchange> exchange_;
};

/// The means to answer one request: once, from any thread. Dropped unanswered, it answers 500.
class Reply {
 public:
  explicit Reply(std::shared_ptr<Exchange> exchange);
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) noexcept;
  ~Reply();

  /// The whole answer.
  void send(Response response);
  /// The head now, the body by pieces: chunked, or until the connection closes for HTTP/1.0. `head.body` is the first
  /// piece. For HEAD the stream has ended before it begins.
  std::shared_ptr<Stream> stream(Response head);
  /// Calls `work` soon on the I/O thread that will write the answer, unless the server has stopped: for what is quick
  /// and ends with `send`. That is one thread less to wake than where another one does it.
  void run(std::function<void()> work);
  /// Called once, on an I/O thread, when the client went away before the answer; at once (on an I/O thread) if it has
  /// gone already. Not called once `send` or `stream` was.
  void on_gone(std::function<void()> then);

 private:
  std::shared_ptr<Exchange> exchange_;  ///< none: answered
};

/// An answer that was handed to the network, for access logs and histograms.
struct Answered {
  std::string id;      ///< X-Request-Id
  std::string method;  ///< empty, as `target`, if the request could not be read
  std::string target;
  std::string peer;
  std::string_view route;  ///< as the application named it in its answer
  std::string subject;     ///< likewise
  int status = 0;
  std::uint64_t bytes = 0;             ///< of the body
  std::chrono::nanoseconds took = {};  ///< from the whole request to the last byte given to the system
};

/// What the server asks of the program. All of it is called on I/O threads and must not block. What is empty has a
/// plain default. What throws is logged and answered with 500.
struct Application {
  /// Looks at the head before the body is read (401, 403, 404, 405, 413, 415, 503). `Refusal::close` is not looked at:
  /// the connection stays open if the body is short and was not announced with Expect, and closes otherwise.
  std::function<std::optional<Refusal>(const Request& head)> admit = {};
  /// How long a body may be, for a request that was admitted; else `Limits::body` of the options.
  std::function<std::uint64_t(const Request& head)> body_limit = {};
  /// Who takes the body of such a request as it comes; null: it is kept in the request.
  std::function<std::shared_ptr<BodyTaker>(const Request& head)> receive = {};
  std::function<void(Request request, Reply reply)> handle = {};
  /// Makes the answer to what is refused. `request` is never null: where the head could not be read it has an id alone,
  /// and of one that was lost by `handle` method, target, id and peer.
  std::function<Response(const Request* request, const Refusal& refusal)> refuse = {};
  std::function<void(const Answered&)> answered = {};
  /// Whether `answered` is worth its cost at the moment; empty: yes.
  std::function<bool()> wants_answered = {};
};

enum class Severity : std::uint8_t { info, warning, error };

/// What a client may take of time and room; sizes of requests are in `Limits`.
struct ServerLimits {
  std::chrono::milliseconds head{10'000};  ///< for a head, from its first byte; of a new connection, from the beginning
  std::chrono::milliseconds body{30'000};  ///< for a body, from the head; again and again while `slowest` is kept up
  std::chrono::milliseconds idle{75'000};  ///< between requests
  std::chrono::milliseconds write{30'000};       ///< for an answer that nobody takes; again and again, as for a body
  std::chrono::milliseconds half_closed{2'000};  ///< for what is asked, once the client has ended its side
  std::chrono::milliseconds linger{2'000};       ///< for the client to read an answer after which we close
  std::uint64_t slowest = 4'096;                 ///< bytes a second
  std::size_t pipelined = 64;                    ///< requests of one connection that wait for their answers
  std::size_t stream_buffer = 262'144;           ///< bytes of a stream that the client has not taken
  std::size_t connections = 20'000;              ///< beyond: 503. Fewer if the system allows fewer open files
};

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  ///< HOST:PORT, [V6]:PORT; port 0: any that is free
  std::string certificate_file = {};      ///< PEM, the whole chain. With it and the key: TLS, otherwise plain
  std::string key_file = {};
  Limits message = {};  ///< `body` is what holds where the application names no other limit
  ServerLimits limits = {};
  unsigned io_threads = 1;
  std::function<void(Severity, const std::string&)> log = {};  ///< from any thread
};

/// Where a server listens.
struct BoundAddress {
  std::string host;  ///< an address
  std::uint16_t port = 0;
  bool secure = false;

  std::string to_string() const;  ///< `127.0.0.1:8080`, `[::1]:8080`
  std::string url() const;        ///< `http://127.0.0.1:8080`
};

struct ServerStats {
  std::uint64_t connections = 0;        ///< open now
  std::uint64_t waiting = 0;            ///< requests handed to the application and not answered yet, now
  std::uint64_t streams = 0;            ///< open now
  std::uint64_t accepted = 0;           ///< connections so far
  std::uint64_t over_capacity = 0;      ///< of these, turned away with 503
  std::uint64_t timed_out = 0;          ///< 408, and closed because the client took too long
  std::uint64_t cut_off = 0;            ///< clients too slow for what they asked for
  std::uint64_t failed_handshakes = 0;  ///< TLS
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::array<std::uint64_t, 6> answers = {};  ///< by the first digit of the status
};

/// HTTP/1.1 over TCP, plain or TLS. All members may be called from any thread except an I/O thread of this server.
class Server {
 public:
  Server(ServerOptions options, Application application);
  /// Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Reads certificate and key, binds, and begins to serve. Fails with invalid_argument and a message that names the
  /// file or the address and what is wrong with it. Only once.
  Result<BoundAddress> start();
  /// Reads certificate and key again; connections made from now on get them. If they cannot be used, those in use stay.
  std::optional<Error> reload_certificate();
  /// No new connections; what has been asked is answered, with `Connection: close`; streams are ended. False: some were
  /// not done within `at_most`. The server still has to be stopped.
  bool drain(std::chrono::milliseconds at_most);
  /// Closes what is open, in the middle of answers if need be (their `on_gone` is called), and joins the threads. A
  /// Reply that is used later does nothing.
  void stop();

  ServerStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coremachine::http
