#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace coremachine::support {

/// What a scripted server does with one connection: for each request that comes, the next of the answers, byte for
/// byte; then it closes.
struct ScriptedConnection {
  std::vector<std::string> answers;
  bool then_wait = false;  ///< after the last answer it keeps the connection open and says nothing more
};

/// A server on a free port of 127.0.0.1 that follows a script: one connection after the other, each as it says. When
/// the script is over nobody listens there any more.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<ScriptedConnection> script);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  /// Waits until so many connections are closed.
  void wait_for_closed(std::size_t connections);
  /// Waits for the end of the script and returns the requests, whole, in order.
  std::vector<std::string> requests();

 private:
  void run();
  bool converse(const ScriptedConnection& connection, int file);

  const std::vector<ScriptedConnection> script_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::condition_variable changed_;
  std::size_t closed_ = 0;
  std::thread thread_;
};

/// A whole answer with a body of JSON and its length.
std::string json_answer(int status, const std::string& body, const std::string& more_fields = "");
/// The same of type application/problem+json.
std::string problem_answer(int status, const std::string& body, const std::string& more_fields = "");
/// The head of a stream of events that goes on until the connection closes, and its first bytes.
std::string event_answer(const std::string& events);

}  // namespace coremachine::support
