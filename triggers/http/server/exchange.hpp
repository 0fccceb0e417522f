#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "triggers/http/server/mailbox.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::http {

class Connection;
class Loop;
class Service;

/// One request and its answer, shared by the connection and whoever answers.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  enum class Stage : std::uint8_t { waiting, answered, streaming, over };

  /// What the server remembers of the request.
  struct About {
    std::string id = {};
    std::string method = {};  ///< empty, as the target, where it could not be read
    std::string target = {};
    int minor_version = 1;
    bool head_only = false;
    bool safe = true;   ///< changes nothing: others like it may be answered beside it
    bool last = false;  ///< the connection does not go on after it
    std::chrono::steady_clock::time_point begun = {};
  };

  Exchange(Connection& connection, Loop& loop, About about);

  // Any thread.

  void tell(Letter::Content content);
  /// At once, where this is called by who was handed the request, before it returns, or by what is run for it.
  void tell_now(Letter::Content content);
  /// False: nobody reads it.
  bool write(std::string bytes);
  /// No pieces come any more; `how` is End or BreakOff.
  void close(Letter::Content how);

  // The thread of the loop alone.

  const About& about() const { return about_; }
  Connection* connection() const { return connection_; }  ///< null: gone
  Stage stage() const { return stage_; }
  /// Does what a letter says.
  void take(Letter::Content content);

  /// The answer, or the head of a stream, that is to be written.
  const Response& response() const { return response_; }
  bool head_due() const { return head_due_; }
  void head_written();
  std::string take_pending() { return std::exchange(pending_, {}); }
  bool ended() const { return ended_; }
  bool broken_off() const { return broken_off_; }
  /// Bytes that are kept here until it is their turn.
  std::size_t held() const { return response_.body.size() + pending_.size(); }
  /// So many bytes of the pieces have left.
  void sent(std::size_t bytes) { queued_.fetch_sub(bytes, std::memory_order_relaxed); }
  /// All that was written has left.
  void drained();

  /// Nobody will read what else is written; what was written is still sent.
  void give_up();
  /// It has been written whole.
  void finish() { enter(Stage::over); }
  /// The connection is gone, and with it the reason to answer.
  void lose();

 private:
  void begin_stream(Response head);
  void end_stream();
  void call_when_gone(std::function<void()> then);
  bool is_open() const { return stage_ == Stage::waiting || (stage_ == Stage::streaming && !ended_); }
  void enter(Stage stage);

  About about_;
  Stage stage_ = Stage::waiting;
  bool head_due_ = false;
  bool ended_ = false;       ///< no more pieces
  bool broken_off_ = false;  ///< and these were not all
  bool given_up_ = false;    ///< nobody reads it, and that was not the wish of who writes it
  bool told_drained_ = false;
  bool runs_ = false;  ///< what a letter asked for
  Connection* connection_;
  Service& service_;  ///< on the thread of the loop alone: it may be gone before the exchange is
  const std::shared_ptr<Mailbox> mailbox_;
  Response response_ = {};
  std::string pending_ = {};
  std::function<void()> on_gone_ = {};
  std::function<void()> on_drained_ = {};

  const std::size_t buffer_limit_;
  std::atomic<std::size_t> queued_{0};  ///< bytes of pieces that have not left
  std::atomic<bool> unread_{false};     ///< pieces are for nobody
};

}  // namespace coremachine::http
