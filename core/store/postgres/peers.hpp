#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/ports/peers.hpp"
#include "core/store/postgres/connection.hpp"

namespace coremachine::postgres {

/// Machines that share a store in PostgreSQL: each has a row, by which it says that it lives and by which it is fenced.
/// Messages are rows that are not logged, and a notification. They go with a crash of PostgreSQL; they outlast the loss
/// of a connection, and are deleted once they were taken.
class PostgresPeers final : public Peers {
 public:
  explicit PostgresPeers(const Target& target) : target_(target) {}
  ~PostgresPeers() override;

  /// As this one the machine takes part; to be called before anything else.
  void begin(Incarnation incarnation) { self_ = incarnation; }

  Round beat(Milliseconds term) override;
  std::vector<JobId> take_over(const std::vector<JobKind>& kinds, std::size_t limit) override;
  std::optional<Suspect> take_suspect(const std::vector<JobKind>& kinds) override;
  void leave() override;
  std::map<JobId, Incarnation> owners_elsewhere(const std::vector<JobId>& jobs) const override;
  void send(Incarnation to, std::string_view message) override;
  void listen(std::function<void(Incarnation from, std::string message)> take) override;

 private:
  using Clock = std::chrono::steady_clock;
  /// A connection that is made when it is needed, and anew when it was lost.
  class Line {
   public:
    explicit Line(const Target& target) : target_(target) {}
    template <class Ask>
    auto ask(const Ask& ask);

   private:
    const Target& target_;
    std::mutex mutex_;
    std::unique_ptr<Connection> connection_;
  };
  struct Seen {
    std::string sign;  ///< what changes as long as it lives
    Clock::time_point since{};
  };

  void fence(Connection& by, Incarnation peer);
  using Take = std::function<void(Incarnation from, std::string message)>;
  void receive(const Take& take);
  bool take_messages(Connection& line, const Take& take);
  std::vector<JobId> take(ArrayParam& ids);

  const Target& target_;
  Incarnation self_ = 0;
  Line duty_{target_};
  mutable Line asks_{target_};
  Line sends_{target_};
  std::map<Incarnation, Seen> seen_;
  Clock::time_point last_beat_{};
  std::atomic<bool> left_{false};
  std::vector<std::string> taken_;  ///< messages that are to be deleted; of the listener
  int wake_ = -1;
  std::thread listener_;
};

}  // namespace coremachine::postgres
