#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/resolve/task_resolver.hpp>
#include <coremachine/worker/transport.hpp>

#include "core/queue/redis/channel.hpp"
#include "core/queue/redis/keys.hpp"
#include "core/queue/redis/message.hpp"

namespace coremachine::redis {

struct TransportTimes {
  Milliseconds answer{3000};      ///< after so long without one, something is said to whoever hears it
  Milliseconds presence{30'000};  ///< a worker is there for so long after it was last heard of
  Milliseconds announce{5000};    ///< how often it says so
};

/// The way of a worker to its machine through a queue in Redis. Each kind of call has a connection of its own, used by
/// the thread that calls.
class Transport final : public WorkerTransport {
 public:
  Transport(RedisTarget target, const TaskResolverRegistry& resolvers, std::string default_resolver_id,
            TransportTimes times = {});

  WorkerAnswer<std::vector<HandOut>> poll(const RemoteWorker& worker, std::uint32_t max_tasks,
                                          Milliseconds wait) override;
  WorkerAnswer<std::vector<LeaseNews>> report(const RemoteWorker& worker,
                                              const std::vector<RemoteReport>& reports) override;
  WorkerAnswer<std::vector<LeaseNews>> renew(const RemoteWorker& worker,
                                             const std::vector<LeaseRenewal>& leases) override;
  WorkerAnswer<void> leave(const RemoteWorker& worker) override;
  void interrupt() override;

 private:
  struct Line {
    Line(const RedisTarget& target, const char* name, const Interruption& interruption)
        : channel(target.address, name, interruption) {}
    std::mutex mutex;
    Channel channel;
  };
  /// A lease that the worker has.
  struct Held {
    JobId job;
    std::string server;  ///< which is told of it
    Time since{};
  };
  /// A message, and what it was answered.
  struct Parcel {
    Message message;
    std::string server;     ///< empty: whoever hears it
    bool is_taken = false;  ///< by an inbox
    bool is_answered = false;
  };

  // ---- the streams (transport_poll.cpp) ----
  void announce(Link& link, const RemoteWorker& worker, bool is_new);
  using Args = std::vector<std::string_view>;
  WorkerAnswer<std::vector<HandOut>> wait_for_entry(const RemoteWorker& worker, const std::vector<std::string>& keys,
                                                    Milliseconds block);
  WorkerAnswer<std::vector<HandOut>> next_entry(const RemoteWorker& worker, const std::vector<std::string>& keys);
  WorkerAnswer<std::vector<HandOut>> read_again(const RemoteWorker& worker, const std::vector<std::string>& keys);
  WorkerAnswer<std::vector<HandOut>> read(const RemoteWorker& worker, const std::vector<std::string>& keys,
                                          const Args& command, Milliseconds block);
  void took(const Reply& reply, const RemoteWorker& worker, const std::vector<std::string>& keys,
            std::vector<HandOut>& into);
  void took_entry(const RemoteWorker& worker, std::string_view key, std::string_view id, const Reply& fields,
                  std::vector<HandOut>& into);
  bool has(LeaseId lease) const;
  void open_groups(const std::vector<std::string>& keys);
  void claim(const std::string& worker, const std::map<std::string, std::vector<LeaseWord>>& words);
  void claim_all(const std::string& worker);

  // ---- what is answered (transport.cpp) ----
  WorkerAnswer<std::vector<LeaseNews>> ask(Line& line, const std::string& answers, std::vector<Parcel> parcels);
  WorkerAnswer<bool> post(Channel& channel, std::vector<Parcel>& parcels);
  void took_answer(std::string_view text, std::vector<Parcel>& parcels, std::vector<LeaseNews>& news,
                   std::optional<WorkerFault>& fault);
  Parcel& parcel_for(std::vector<Parcel>& parcels, LeaseId lease, const RemoteWorker& worker, Message::Kind kind) const;
  static std::vector<Parcel> one_for_each_job(std::vector<Parcel> parcels);
  std::optional<JobId> job_of(LeaseId lease) const;
  void learn(const Answer& answer);
  void forget_all_but(const std::vector<LeaseRenewal>& leases);

  const RedisTarget target_;
  const Keys keys_;
  const TaskResolverRegistry& resolvers_;
  const std::string default_resolver_id_;
  const TransportTimes times_;
  Interruption interruption_;
  Line poll_;
  Line report_;
  Line renew_;
  Line leave_;
  const std::string nonce_;
  std::atomic<bool> leaving_{false};
  std::atomic<bool> polling_{false};
  std::atomic<long long> poll_client_{0};
  std::size_t turn_ = 0;        ///< of the poll: the stream that comes first
  bool ever_up_ = false;        ///< of the poll: it was connected before
  bool was_lost_ = false;       ///< of the poll: the last read found that Redis had lost the streams
  std::uint64_t renewals_ = 0;  ///< of the renewals, their number

  mutable std::mutex mutex_;
  std::map<LeaseId, Held> held_ = {};
  std::set<std::string> silent_ = {};  ///< servers that did not answer
  std::set<std::string> types_ = {};   ///< that the worker was ever heard to take
  std::uint32_t concurrency_ = 1;
  Time announced_{};
};

}  // namespace coremachine::redis
