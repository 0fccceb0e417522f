#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "triggers/http/api/peer_message.hpp"
#include "triggers/http/api/peers.hpp"
#include "triggers/http/api/problem.hpp"
#include "triggers/http/api/worker_report.hpp"

namespace coremachine::http {

// How a PeerDesk answers a peer. The desk outlives all of it; any thread may call it.

/// What a peer is answered by, as long as the answer goes on.
class PeerDesk::Way : public std::enable_shared_from_this<Way> {
 public:
  Way(PeerDesk& desk, Name name) : desk_(desk), name_(name) {}

  /// False: nobody reads it. Once a part of an answer is lost, what comes after it is not sent either.
  bool tell(std::string_view kind, json::object message = {}) {
    if (gone()) return false;
    put(kind, std::move(message), [self = shared_from_this()] { return !self->gone(); });
    return true;
  }
  /// Even if the client has gone: what it is given it has to give back.
  void tell_anyway(std::string_view kind, json::object message) { put(kind, std::move(message), {}); }
  void forget() {
    let_go();
    const std::lock_guard lock(desk_.mutex_);
    desk_.ways_.erase(name_);
  }
  bool gone() {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  void on_gone(std::function<void()> then) {
    {
      const std::lock_guard lock(mutex_);
      if (!gone_) {
        on_gone_ = std::move(then);
        return;
      }
    }
    then();
  }
  void on_drained(std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    on_drained_ = std::move(then);
  }
  void client_has_gone() {
    std::function<void()> then;
    std::function<void()> dropped;
    {
      const std::lock_guard lock(mutex_);
      gone_ = true;
      then = std::exchange(on_gone_, nullptr);
      dropped = std::exchange(on_drained_, nullptr);
    }
    if (then) then();
  }
  void drained() {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      then = on_drained_;
    }
    if (then) then();
  }

 private:
  void put(std::string_view kind, json::object message, std::function<bool()> is_wanted) {
    auto lost = [self = shared_from_this()] {
      self->client_has_gone();
      self->desk_.tell(self->name_, "broken");
    };
    desk_.outbox_.put(
        {name_.first, text_of_message(std::move(message), kind, name_.second), std::move(is_wanted), std::move(lost)});
  }
  void let_go() {
    std::pair<std::function<void()>, std::function<void()>> dropped;  // what they hold goes outside of the lock
    const std::lock_guard lock(mutex_);
    dropped = {std::exchange(on_gone_, nullptr), std::exchange(on_drained_, nullptr)};
  }

  PeerDesk& desk_;
  const Name name_;
  std::mutex mutex_;
  bool gone_ = false;
  std::function<void()> on_gone_;
  std::function<void()> on_drained_;
};

class PeerDesk::WayFlow : public Outflow {
 public:
  explicit WayFlow(std::shared_ptr<Way> way) : way_(std::move(way)) {}
  ~WayFlow() override {
    if (!ended_) way_->tell("broken");
    way_->forget();
  }
  bool write(std::string bytes) override { return way_->tell("more", {{"bytes", std::move(bytes)}}); }
  void end() override {
    ended_ = true;
    way_->tell("end");
  }
  void on_gone(std::function<void()> then) override { way_->on_gone(std::move(then)); }
  void on_drained(std::function<void()> then) override { way_->on_drained(std::move(then)); }

 private:
  const std::shared_ptr<Way> way_;
  std::atomic<bool> ended_{false};
};

class PeerDesk::WayOutlet : public Outlet {
 public:
  WayOutlet(std::shared_ptr<Way> way, std::string request_id)
      : way_(std::move(way)), request_id_(std::move(request_id)) {}
  ~WayOutlet() override {
    if (way_) send(to_response(problem_of(500, "the request was dropped without an answer"), request_id_));
  }
  void send(Response response) override {
    const auto way = std::exchange(way_, nullptr);
    auto message = message_of(response, false);
    if (response.route == "/api/v1/workers/$poll" && has_tasks(response)) {
      message["hands_out"] = true;
      way->tell_anyway("answer", std::move(message));
    } else {
      way->tell("answer", std::move(message));
    }
    way->forget();
  }
  std::shared_ptr<Outflow> stream(Response head) override {
    const auto way = std::exchange(way_, nullptr);
    way->tell("answer", message_of(head, true));
    return std::make_shared<WayFlow>(way);
  }
  void on_gone(std::function<void()> then) override {
    if (way_) way_->on_gone(std::move(then));
  }

 private:
  std::shared_ptr<Way> way_;
  const std::string request_id_;
};

}  // namespace coremachine::http
