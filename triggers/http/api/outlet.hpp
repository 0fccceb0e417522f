#pragma once

#include <functional>
#include <memory>
#include <string>

#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

/// The body of an answer that comes piece by piece: http::Stream, or a test's. Any thread may call it.
class Outflow {
 public:
  virtual ~Outflow() = default;
  /// False: nobody reads this any more.
  virtual bool write(std::string bytes) = 0;
  virtual void end() = 0;
  /// Called once, on a thread that must not be blocked, when nobody reads this any more; never after `end`.
  virtual void on_gone(std::function<void()> then) = 0;
  /// Called on such a thread each time all that was written has been taken.
  virtual void on_drained(std::function<void()> then) = 0;
};

/// Where the answer to one request goes: http::Reply, or a test's. One of `send` and `stream` is called, once.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void send(Response response) = 0;
  virtual std::shared_ptr<Outflow> stream(Response head) = 0;
  /// Called once when the client went away before the answer.
  virtual void on_gone(std::function<void()> then) = 0;
  /// Calls `work`, which must be quick, soon on the thread that writes the answer. False, and left as it is: there is
  /// no such thread.
  virtual bool run(std::function<void()>& work) {
    static_cast<void>(work);
    return false;
  }
};

}  // namespace coremachine::http
