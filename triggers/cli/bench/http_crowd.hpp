#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace coremachine::cli {

/// Very many clients that ask once and wait.
class HttpCrowd {
 public:
  /// Each sends this request. May raise this process's limit of open files; throws Failure if that does not suffice.
  HttpCrowd(std::uint16_t port, std::size_t clients, const std::string& request);
  ~HttpCrowd();
  HttpCrowd(const HttpCrowd&) = delete;
  HttpCrowd& operator=(const HttpCrowd&) = delete;

  /// Reads until every client has had an answer that ends with this. Seconds.
  double wait_for_all(const std::string& end);

 private:
  int epoll_;
  std::vector<int> sockets_ = {};
};

}  // namespace coremachine::cli
