#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "triggers/http/api/peers.hpp"

namespace coremachine::http {

class Api;

/// The calls of workers, where several servers share a store: a worker may talk to any of them, and to another one each
/// time.
///   $poll       tasks of the server that was asked; of another one, where that has none
///   $complete   each outcome goes to the server that has its lease
///   $heartbeat  likewise; and all of them hear that the worker is there
///   $leave      all of them hear it
/// Any thread may call it, but `route`: only one that may block.
class WorkerRouting : public std::enable_shared_from_this<WorkerRouting> {
 public:
  WorkerRouting(Api& api, PeerDesk& desk, PeerDesk::Answer here) : api_(api), desk_(desk), here_(std::move(here)) {}

  /// `operation`: of the route.
  void route(std::string_view operation, Request request, std::unique_ptr<Outlet> outlet);
  /// Tasks that a peer handed out when their worker had others already go back to it.
  void give_back(Peer from, const Response& response);

 private:
  struct Poll;
  class Contest;
  struct Split;

  void poll(Request request, std::unique_ptr<Outlet> outlet);
  bool begin(const std::shared_ptr<Poll>& poll, const std::shared_ptr<Contest>& contest);
  void ask_others(const std::shared_ptr<Poll>& poll, std::function<void()> otherwise);
  void ask_here(const std::shared_ptr<Poll>& poll);
  void wait_for_all(const std::shared_ptr<Poll>& poll);
  void give_back_here(const Response& response);

  void split(Request request, std::unique_ptr<Outlet> outlet, bool is_heartbeat);
  void find_places(Split& split);
  void settle_doubts(const std::shared_ptr<Split>& split);
  void send_parts(const std::shared_ptr<Split>& split);
  void leave(Request request, std::unique_ptr<Outlet> outlet);

  Api& api_;
  PeerDesk& desk_;
  const PeerDesk::Answer here_;
  std::atomic<std::uint32_t> polls_{0};
};

}  // namespace coremachine::http
