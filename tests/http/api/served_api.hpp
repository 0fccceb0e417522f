#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/http/api/api_fixture.hpp"
#include "tests/support/raw_client.hpp"
#include "triggers/http/api/server_outlet.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::tests {

/// The API on a machine in memory, behind a real server on loopback.
class ServedApi {
 public:
  explicit ServedApi(MachineOptions machine = {}, const std::function<void(JobRegistry&, TaskRegistry&)>& add = {},
                     http::ServerLimits limits = {}, std::function<void(const http::Answered&)> answered = {})
      : fixture({}, std::move(machine), add), server_(options(limits), application(std::move(answered))) {
    const auto bound = server_.start();
    if (!bound) throw std::runtime_error(bound.error().message);
    port = bound->port;
  }
  ~ServedApi() {
    fixture.api->drain(Milliseconds{60'000});
    server_.stop();
  }

  http::Server& server() { return server_; }
  std::unique_ptr<support::RawClient> connect() const { return std::make_unique<support::RawClient>(port); }
  std::string request(const std::string& method, const std::string& target, const std::string& body = {},
                      const std::string& fields = {}) const {
    auto text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields;
    if (!body.empty()) {
      text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return text + "\r\n" + body;
  }

  ApiFixture fixture;
  std::uint16_t port = 0;

 private:
  static http::ServerOptions options(http::ServerLimits limits) {
    http::ServerOptions server;
    server.listen = "127.0.0.1:0";
    server.limits = limits;
    server.log = [](http::Severity, const std::string&) {};
    return server;
  }
  http::Application application(std::function<void(const http::Answered&)> answered) {
    http::Application made;
    auto& api = *fixture.api;
    made.admit = [&api](const http::Request& head) { return api.admit(head); };
    made.handle = [&api](http::Request request, http::Reply reply) {
      api.handle(std::move(request), http::outlet_of(std::move(reply)));
    };
    made.refuse = [](const http::Request* request, const http::Refusal& refusal) {
      return http::Api::refusal(request, refusal);
    };
    made.answered = std::move(answered);
    return made;
  }

  http::Server server_;
};

}  // namespace coremachine::tests
