#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/raw_client.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::http::test {

using namespace std::chrono_literals;
using support::RawClient;
using support::RawResponse;

/// What other threads hand to the test, in their order. Waiting too long throws.
template <class Value>
class Arrivals {
 public:
  void put(Value value) {
    const std::scoped_lock lock(mutex_);
    values_.push_back(std::move(value));
    arrived_.notify_all();
  }
  Value next() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 60s, [&] { return !values_.empty(); })) throw std::runtime_error("nothing arrived");
    auto value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  bool empty() {
    const std::scoped_lock lock(mutex_);
    return values_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Value> values_;
};

struct Asked {
  Request request;
  Reply reply;
};

inline std::string get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

inline std::string post(const std::string& target, const std::string& body, const std::string& fields = {}) {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         fields + "\r\n" + body;
}

/// A server on a free port of loopback. `/now…` is answered at once with method, target and body; `/throw` throws;
/// `/lose` drops its reply; everything else arrives in `asked`.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}, Application application = {})
      : server_(prepare(std::move(options)), prepare(std::move(application))) {
    auto bound = server_.start();
    if (!bound) throw std::runtime_error(bound.error().message);
    address = *bound;
  }

  Server& server() { return server_; }
  std::uint16_t port() const { return address.port; }
  /// What was logged so far.
  std::vector<std::string> log() {
    const std::scoped_lock lock(mutex_);
    return log_;
  }
  bool has_logged(const std::string& part) {
    for (const auto& line : log()) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

  BoundAddress address;
  Arrivals<Asked> asked;
  Arrivals<std::string> events;

 private:
  ServerOptions prepare(ServerOptions options) {
    options.listen = "127.0.0.1:0";
    options.log = [this](Severity, const std::string& line) {
      const std::scoped_lock lock(mutex_);
      log_.push_back(line);
    };
    return options;
  }
  Application prepare(Application application) {
    if (!application.handle) {
      application.handle = [this](Request request, Reply reply) {
        if (request.target.starts_with("/now")) {
          reply.send(
              {200, {{"content-type", "text/plain"}}, request.method + " " + request.target + " " + request.body});
        } else if (request.target == "/throw") {
          throw std::runtime_error("a mistake");
        } else if (request.target != "/lose") {
          asked.put({std::move(request), std::move(reply)});
        }
      };
    }
    return application;
  }

  std::mutex mutex_;
  std::vector<std::string> log_;
  Server server_;
};

}  // namespace coremachine::http::test
