#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coremachine::cli {

/// One answer, of a server that says how long its bodies are.
struct HttpAnswer {
  int status = 0;
  std::string body = {};
};

/// One client that keeps its connection and waits for each answer.
class HttpProbe {
 public:
  /// Throws system_error.
  explicit HttpProbe(std::uint16_t port);
  ~HttpProbe();
  HttpProbe(const HttpProbe&) = delete;
  HttpProbe& operator=(const HttpProbe&) = delete;
  /// Throws Failure if the server ends the connection.
  HttpAnswer ask(std::string_view request);

 private:
  int socket_;
};

/// Many clients on one thread, each with one request under way.
class HttpLoad {
 public:
  HttpLoad(std::uint16_t port, std::size_t clients);
  ~HttpLoad();
  HttpLoad(const HttpLoad&) = delete;
  HttpLoad& operator=(const HttpLoad&) = delete;

  struct Figures {
    std::uint64_t answers = 0;
    double seconds = 0;
    double rate() const { return static_cast<double>(answers) / seconds; }
  };
  /// The requests, in turn and again from the first, for so long or so many answers. Every answer has to have this
  /// status: throws Failure with the first that has not, once the clients have their answers.
  Figures run_for(std::chrono::milliseconds time, const std::vector<std::string>& requests, int status);
  Figures run(std::uint64_t answers, const std::vector<std::string>& requests, int status);

 private:
  struct Client {
    int socket = -1;
    std::string input = {};
    std::size_t needed = 0;  ///< bytes of the answer that is coming, once its head is there
  };
  struct Run;
  void send(Client& client, Run& run) const;
  void take(Client& client, Run& run) const;
  void take_answers(Client& client, Run& run) const;
  Figures run(Run& run);

  int epoll_;
  std::vector<Client> clients_;
};

std::string get_request(std::string_view target);
std::string post_request(std::string_view target, std::string_view body);

}  // namespace coremachine::cli
