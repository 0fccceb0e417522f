#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/time.hpp>

#include "triggers/http/api/outlet.hpp"
#include "triggers/http/api/timers.hpp"

namespace coremachine::http {

/// One answer made of several. Any thread may answer a part.
class Gathering : public std::enable_shared_from_this<Gathering> {
 public:
  using Parts = std::vector<std::optional<Response>>;
  /// What the answer is; a part that did not come in time is not there.
  using Sum = std::function<Response(Parts parts)>;
  /// `request_id`: of its problems.
  Gathering(std::size_t parts, std::string request_id, std::unique_ptr<Outlet> outlet, Sum sum);

  /// Where the answer of one part goes. A part that is dropped without an answer is one with status 500. When the
  /// client goes, so do the clients of the parts.
  std::unique_ptr<Outlet> part(std::size_t index);
  /// Parts that have not come by then are not waited for.
  void wait_at_most(Timers& timers, Milliseconds delay);

 private:
  class PartOutlet;
  void add(std::size_t index, Response response);
  void on_gone(std::function<void()> then);
  void client_has_gone();
  void finish();
  Response sum_of(Parts parts) const;

  std::mutex mutex_;
  Parts parts_;
  std::size_t missing_;
  bool over_ = false;
  bool gone_ = false;
  bool listens_ = false;
  std::vector<std::function<void()>> when_gone_;
  const std::string request_id_;
  const std::unique_ptr<Outlet> outlet_;
  const Sum sum_;
};

}  // namespace coremachine::http
