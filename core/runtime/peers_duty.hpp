#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/ports/peers.hpp"
#include "core/ports/store.hpp"

namespace coremachine::runtime {

/// Takes part among several machines on one store: says that this one lives, takes over what others left, carries
/// messages. A thread of its own.
class PeersDuty {
 public:
  struct Setup {
    Peers* peers = nullptr;  ///< outlives `stop`
    Milliseconds term{15'000};
    std::vector<Peers::JobKind> kinds;  ///< that this machine can run
    /// These are ours now; so many machines in a row have died while they had them. If it throws, nobody has them yet,
    /// and it is called again with the same.
    std::function<void(const std::vector<JobId>&, std::uint32_t deaths)> take_up;
    std::function<void(const Error&)> fenced;  ///< this machine has to end; called once
    std::function<void(bool first)> is_first;  ///< called when that changes, and at the start
    std::function<void(const std::string&)> log;
  };
  explicit PeersDuty(Setup setup) : setup_(std::move(setup)) {}
  ~PeersDuty();

  void start();
  /// This machine is about to stop: it still says that it lives.
  void take_no_more() { takes_ = false; }
  /// Leaves: what is left may be taken by others.
  void stop();

  /// From any thread.
  std::vector<Peer> alive() const;
  /// Called with messages, and with machines that have gone.
  struct Listener {
    std::function<void(Incarnation from, const std::string& message)> take;
    std::function<void(Incarnation peer)> gone;
  };
  /// The first one is called at once with the messages that came before it: the others know this machine from its start
  /// on, and wait for answers. Of those, only so many are kept; what comes when there is no listener any more is
  /// dropped.
  void listen(Listener listener);
  static constexpr std::size_t most_kept = 4'096;

 private:
  void take(Incarnation from, const std::string& message);
  void run();
  bool look();
  void take_suspect();
  void note_alive(std::vector<Peer> alive);

  const Setup setup_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  bool fenced_ = false;
  std::atomic<bool> takes_{true};
  std::vector<Peer> alive_;
  std::mutex listener_mutex_;  ///< held while the listener is called
  Listener listener_;
  bool had_listener_ = false;
  std::vector<std::pair<Incarnation, std::string>> kept_;  ///< for the first listener
  std::optional<bool> first_;
  std::vector<JobId> owed_;   ///< ours in the store, and not taken up yet
  std::uint32_t deaths_ = 0;  ///< of machines that had them
  std::thread thread_;
};

}  // namespace coremachine::runtime
