#include "core/client/http_client.hpp"

#include <array>
#include <charconv>
#include <stdexcept>

#include "core/telemetry/build_info.hpp"

namespace coremachine::client {
namespace {

using Kind = TransportError::Kind;

Deadline from_now(Milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

/// Reads what is there into the reader. False: the other side has closed.
Transported<bool> read_some(Socket& socket, ResponseReader& reader, Deadline deadline) {
  std::array<char, 64 * 1024> bytes;
  const auto got = socket.read(bytes.data(), bytes.size(), deadline);
  if (!got) return got.error();
  const auto fed = *got == 0 ? reader.feed_end() : reader.feed({bytes.data(), *got});
  if (!fed) return fed.error();
  return *got > 0;
}

bool may_be_repeated(const std::string& method) {
  return method != "POST" && method != "PATCH";
}

}  // namespace

void throw_exception_from_error(const TransportError& error, const boost::source_location&) {
  throw std::runtime_error(error.what);
}

Transported<std::string> HttpStream::read(Milliseconds patience) {
  const auto deadline = from_now(patience);
  for (;;) {
    auto bytes = reader_.take_body();
    if (!bytes.empty() || reader_.complete()) return bytes;
    const auto more = read_some(socket_, reader_, deadline);
    if (!more) return more.error();
    if (!*more) return reader_.take_body();
  }
}

Transported<Socket> HttpClient::connect() const {
  return Socket::connect(server_, options_.ca_file, from_now(options_.connect_timeout));
}

/// All of it but its end, and what there is to say of the body.
std::string HttpClient::head_of(const HttpRequest& request) const {
  std::string text = request.method + " " + server_.prefix + request.target +
                     " HTTP/1.1\r\nHost: " + server_.authority() +
                     "\r\nUser-Agent: coremachine/" + telemetry::version() + "\r\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  if (!options_.token.empty()) add("Authorization", "Bearer " + options_.token);
  for (const auto& [name, value] : request.fields) add(name, value);
  return text;
}

std::string HttpClient::written(const HttpRequest& request) const {
  auto text = head_of(request);
  if (request.body) {
    text += "Content-Type: " + request.content_type + "\r\n";
    text += "Content-Length: " + std::to_string(request.body->size()) + "\r\n";
  } else if (request.method == "POST" || request.method == "PUT") {
    text += "Content-Length: 0\r\n";
  }
  return text + "\r\n" + request.body.value_or("");
}

/// The connection of the next exchange. False: there are to be no more.
bool HttpClient::keep(std::optional<Socket> socket) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(socket);
  return !interrupted_;
}

void HttpClient::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (kept_) kept_->shut_down();
}

Transported<HttpReply> HttpClient::exchange_on(Socket& socket, const HttpRequest& request, Deadline deadline) {
  const auto sent = socket.write(written(request), deadline);
  // Who refuses a request before it is whole may have answered all the same.
  if (!sent && sent.error().kind != Kind::closed) return sent.error();
  ResponseReader reader;
  std::string body;
  while (!reader.complete()) {
    const auto more = read_some(socket, reader, deadline);
    if (!more) return sent ? more.error() : sent.error();
    body += reader.take_body();
    if (!*more) break;
  }
  return HttpReply{*reader.head(), std::move(body)};
}

Transported<HttpReply> HttpClient::exchange(const HttpRequest& request, Milliseconds patience) {
  if (kept_ && kept_->has_news()) keep(std::nullopt);
  const bool fresh = !kept_;
  if (fresh) {
    auto connected = connect();
    if (!connected) return connected.error();
    if (!keep(std::move(*connected))) return TransportError{Kind::closed, "it is to end"};
  }
  const auto deadline = from_now(options_.request_timeout + patience);
  auto reply = exchange_on(*kept_, request, deadline);
  if (!reply || !reply->head.keep_alive) keep(std::nullopt);
  if (!reply && !fresh && reply.error().kind == Kind::closed && may_be_repeated(request.method))
    return exchange(request, patience);
  return reply;
}

Transported<std::unique_ptr<HttpStream>> HttpClient::open(const HttpRequest& request) {
  auto socket = connect();
  if (!socket) return socket.error();
  const auto deadline = from_now(options_.request_timeout);
  if (const auto sent = socket->write(written(request), deadline); !sent) return sent.error();
  ResponseReader reader;
  while (!reader.head()) {
    const auto more = read_some(*socket, reader, deadline);
    if (!more) return more.error();
  }
  return std::unique_ptr<HttpStream>(new HttpStream(std::move(*socket), std::move(reader)));
}

Transported<std::unique_ptr<HttpUpload>> HttpClient::upload(const HttpRequest& request) {
  auto socket = connect();
  if (!socket) return socket.error();
  const auto text =
      head_of(request) + "Content-Type: " + request.content_type + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  if (const auto sent = socket->write(text, from_now(options_.request_timeout)); !sent) return sent.error();
  return std::unique_ptr<HttpUpload>(new HttpUpload(std::move(*socket), options_.request_timeout));
}

Transported<void> HttpUpload::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  std::array<char, 24> size{};
  auto* const end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  std::string chunk(size.data(), end);
  chunk.append("\r\n").append(bytes).append("\r\n");
  return socket_.write(chunk, from_now(patience_));
}

Transported<HttpReply> HttpUpload::finish() {
  const auto deadline = from_now(patience_);
  // Who refuses it before it is whole may have answered all the same.
  const auto sent = socket_.write("0\r\n\r\n", deadline);
  if (!sent && sent.error().kind != Kind::closed) return sent.error();
  ResponseReader reader;
  std::string body;
  while (!reader.complete()) {
    const auto more = read_some(socket_, reader, deadline);
    if (!more) return sent ? more.error() : sent.error();
    body += reader.take_body();
    if (!*more) break;
  }
  return HttpReply{*reader.head(), std::move(body)};
}

}  // namespace coremachine::client
