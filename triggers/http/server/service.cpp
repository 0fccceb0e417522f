#include "triggers/http/server/service.hpp"

#include <exception>

namespace coremachine::http {

namespace {

/// Runs something of the application's; what it throws becomes a line of the log and the value `instead`.
template <class Value, class Function>
Value guarded(const Service& service, const char* what, Value instead, const Function& function) noexcept {
  try {
    return function();
  } catch (const std::exception& error) {
    service.log(Severity::error, std::string(what) + " threw: " + error.what());
  } catch (...) {
    service.log(Severity::error, std::string(what) + " threw something that is not an exception");
  }
  return instead;
}

Response plain_refusal(const Refusal& refusal) {
  Response response{refusal.status, refusal.fields, refusal.detail + "\n"};
  response.fields.push_back({"content-type", "text/plain; charset=utf-8"});
  return response;
}

Refusal failure() {
  return Refusal{500, "the server made a mistake; it is in the log", {}, false};
}

}  // namespace

ServerStats Counters::read() const {
  ServerStats stats{connections, waiting, streams,           accepted, over_capacity,
                    timed_out,   cut_off, failed_handshakes, bytes_in, bytes_out};
  for (std::size_t i = 0; i < answers.size(); ++i) stats.answers[i] = answers[i];
  return stats;
}

Service::Service(ServerOptions with, Application of) : options(std::move(with)), application_(std::move(of)) {}

void Service::log(Severity severity, const std::string& message) const noexcept {
  try {
    if (options.log) options.log(severity, message);
  } catch (...) {
    // There is nowhere else to say it.
  }
}

std::optional<Refusal> Service::admit(const Request& head) const noexcept {
  if (!application_.admit) return std::nullopt;
  return guarded(*this, "admit", std::optional(failure()), [&] { return application_.admit(head); });
}

std::uint64_t Service::body_limit(const Request& head) const noexcept {
  if (!application_.body_limit) return options.message.body;
  return guarded(*this, "body_limit", options.message.body, [&] { return application_.body_limit(head); });
}

std::shared_ptr<BodyTaker> Service::receive(const Request& head) const noexcept {
  if (!application_.receive) return nullptr;
  return guarded(*this, "receive", std::shared_ptr<BodyTaker>(), [&] { return application_.receive(head); });
}

bool Service::take(BodyTaker& taker, std::string piece) const noexcept {
  return guarded(*this, "take", true, [&] { return taker.take(std::move(piece)); });
}

bool Service::handle(Request request, Reply reply) const noexcept {
  return guarded(*this, "handle", false, [&] {
    application_.handle(std::move(request), std::move(reply));
    return true;
  });
}

Response Service::refuse(const Request* request, const Refusal& refusal) const noexcept {
  if (!application_.refuse) return plain_refusal(refusal);
  auto made = guarded(*this, "refuse", std::optional<Response>{},
                      [&] { return std::optional(application_.refuse(request, refusal)); });
  return made ? *std::move(made) : plain_refusal(refusal);
}

bool Service::wants_answered() const noexcept {
  if (!application_.answered || !application_.wants_answered) return static_cast<bool>(application_.answered);
  return guarded(*this, "wants_answered", false, [&] { return application_.wants_answered(); });
}

void Service::answered(const Answered& what) const noexcept {
  guarded(*this, "answered", false, [&] {
    application_.answered(what);
    return true;
  });
}

void Service::call(const std::function<void()>& then, const char* what) const noexcept {
  guarded(*this, what, false, [&] {
    then();
    return true;
  });
}

TlsContext Service::tls() const {
  const std::scoped_lock lock(mutex_);
  return tls_;
}

void Service::set_tls(TlsContext context) {
  const std::scoped_lock lock(mutex_);
  tls_ = std::move(context);
}

}  // namespace coremachine::http
