// A worker's way to a machine that serves HTTP.

#include <array>
#include <charconv>
#include <mutex>
#include <utility>

#include <coremachine/worker/http.hpp>

#include "core/client/http_client.hpp"
#include "core/model/json_reader.hpp"
#include "core/model/value_parser.hpp"
#include "core/worker/http_words.hpp"

namespace coremachine {
namespace {

using client::HttpClient;
using client::HttpReply;
using client::TransportError;

client::ServerAddress address_of(const HttpMachine& machine) {
  auto address = client::parse_server(machine.server);
  if (address) return *std::move(address);
  throw Failure(Error{ErrorCode::invalid_argument,
                      "\"" + machine.server + "\" is no server: it should be http://HOST:PORT or https://HOST:PORT"});
}

client::HttpOptions options_of(const HttpMachine& machine) {
  return {.token = machine.token,
          .ca_file = machine.ca_file,
          .connect_timeout = machine.connect_timeout,
          .request_timeout = machine.request_timeout};
}

WorkerFault fault_of(const TransportError& error, const std::string& url) {
  const bool is_final = error.kind == TransportError::Kind::not_secure;
  return {is_final ? WorkerFault::Kind::not_allowed : WorkerFault::Kind::unreachable, url + ": " + error.what};
}

std::optional<Milliseconds> retry_after(const HttpReply& reply) {
  const auto* text = reply.head.find("retry-after");
  unsigned seconds = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc{})
    return std::nullopt;
  return Milliseconds{std::min(seconds, 60U) * 1000};
}

/// The words of the problem, with its faults.
std::string words_of(const HttpReply& reply) {
  boost::system::error_code error;
  const auto body = parse_value(reply.body, error);
  auto words = "answered " + std::to_string(reply.head.status);
  if (error || !body.is_object()) return words;
  const auto& problem = body.get_object();
  if (const auto* detail = problem.if_contains("detail"); detail && detail->is_string())
    words += ": " + std::string(detail->get_string());
  return words;
}

WorkerFault fault_of(const HttpReply& reply, const std::string& url) {
  using enum WorkerFault::Kind;
  const auto status = reply.head.status;
  auto kind = refused;
  if (status == 401 || status == 403) kind = not_allowed;
  if (status == 408 || status == 429 || status == 503) kind = busy;
  // A proxy whose server is not there, or a server that made a mistake.
  if (status >= 500 && status != 501 && status != 503) kind = unreachable;
  return {kind, url + " " + words_of(reply), retry_after(reply)};
}

/// One connection, used by one thread at a time.
class Line {
 public:
  explicit Line(const HttpMachine& machine) : client_(address_of(machine), options_of(machine)) {}

  /// Posts, and reads what comes back.
  template <class Read>
  auto ask(const std::string& verb, std::string body, Milliseconds patience, const Read& read)
      -> WorkerAnswer<decltype(read(std::string_view()))> {
    const std::lock_guard lock(mutex_);
    const auto url = client_.server().url();
    const auto reply =
        client_.exchange({.method = "POST", .target = "/api/v1/workers/$" + verb, .body = std::move(body)}, patience);
    if (!reply) return fault_of(reply.error(), url);
    if (reply->head.status >= 300) return fault_of(*reply, url);
    try {
      return read(reply->body);
    } catch (const JsonMismatch& mismatch) {
      return WorkerFault{WorkerFault::Kind::unreachable,
                         url + " does not answer as a machine does: " + std::string(mismatch.what())};
    }
  }
  void interrupt() { client_.interrupt(); }

 private:
  std::mutex mutex_;
  HttpClient client_;
};

class HttpTransport final : public WorkerTransport {
 public:
  explicit HttpTransport(const HttpMachine& machine)
      : poll_(machine), report_(machine), renew_(machine), leave_(machine) {}

  WorkerAnswer<std::vector<HandOut>> poll(const RemoteWorker& worker, std::uint32_t max_tasks,
                                          Milliseconds wait) override {
    return poll_.ask("poll", worker::poll_body(worker, max_tasks, wait), wait, worker::read_hand_outs);
  }
  WorkerAnswer<std::vector<LeaseNews>> report(const RemoteWorker& worker,
                                              const std::vector<RemoteReport>& reports) override {
    return report_.ask("complete", worker::complete_body(worker, reports), {}, worker::read_news);
  }
  WorkerAnswer<std::vector<LeaseNews>> renew(const RemoteWorker& worker,
                                             const std::vector<LeaseRenewal>& leases) override {
    return renew_.ask("heartbeat", worker::heartbeat_body(worker, leases), {}, worker::read_news);
  }
  WorkerAnswer<void> leave(const RemoteWorker& worker) override {
    const auto left = leave_.ask("leave", worker::leave_body(worker), {}, [](std::string_view) { return true; });
    if (!left) return left.error();
    return {};
  }
  void interrupt() override {
    for (auto* line : {&poll_, &report_, &renew_, &leave_}) line->interrupt();
  }

 private:
  Line poll_;
  Line report_;
  Line renew_;
  Line leave_;
};

}  // namespace

std::shared_ptr<WorkerTransport> connect_by_http(HttpMachine machine) {
  return std::make_shared<HttpTransport>(machine);
}

}  // namespace coremachine
