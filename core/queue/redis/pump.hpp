#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <coremachine/queue/queue_pump.hpp>
#include <coremachine/queue/redis_address.hpp>
#include <coremachine/runtime/core_machine.hpp>

#include "core/queue/redis/link.hpp"
#include "core/queue/redis/mailbox.hpp"
#include "core/queue/redis/message.hpp"
#include "core/queue/redis/pump_book.hpp"
#include "core/worker/backoff.hpp"

namespace coremachine::redis {

/// The pump of a queue in Redis: one thread, with two connections (one always waits for what comes into the inboxes,
/// the other does everything else), and the PumpBook that decides.
class Pump final : public QueuePump {
 public:
  /// The machine outlives it. Connects by and by.
  Pump(CoreMachine& machine, RedisTarget target, std::shared_ptr<Logger> logger, PumpTimes times = {});
  ~Pump() override;

  QueueHealth health() const override;
  std::vector<Metric> metrics() const override;
  void stop() override;
  /// Connections in a row of which nothing came; 0 once something did.
  unsigned tries() const;

 private:
  // ---- the thread (pump.cpp) ----
  void run();
  void one_turn();
  void wait();
  void connect(Time now);
  void lose(Time now);
  void on_up(Time now);
  Time next_tick() const;
  void run_timers(Time now);
  void see_to_inbox();
  void read_inboxes();
  void took_inboxes(const Reply& reply);
  void ask_for_workers();
  void ask_for_servers();
  void took_workers(const std::vector<std::string>& names, const Reply& reply);
  void wind_up();
  void update_health();
  void fault(std::string what);
  void post(std::function<void()> call) { mailbox_->post(std::move(call)); }
  static Time now() { return Clock::now(); }

  // ---- what workers say (pump_messages.cpp) ----
  void on_message(std::string_view text, bool is_common);
  Result<bool> is_for_us(const Message& message, bool is_common) const;
  bool is_strange(const Message& message) const;
  std::vector<LeaseId> strange_in(const Message& message, const std::vector<LeaseNews>& told) const;
  Result<std::map<LeaseId, LeasePlace>> elsewhere(const std::vector<LeaseId>& strange) const;
  std::optional<std::string> next_server(const Message& message) const;
  template <class Told>
  void answer_or_pass_on(const Message& message, const Told& told);
  void on_foreign(const Message& message);
  void refuse(const Message& message, const Error& error);
  void pass_on(const Message& message, const std::string& next);
  void on_report(Message message);
  void on_renew(Message message);
  void answer(const Message& message, Answer answer);

  // ---- what the book wants (pump_actions.cpp) ----
  void carry_out();
  void act(PollMachine& poll);
  void act(GiveUpPoll& give_up);
  void act(OpenStream& open);
  void act(AddEntry& add);
  void act(RemoveEntry& remove);
  void act(TakeBack& take);
  void act(LookAt& look);
  void act(AskForOwners& ask);
  void took_owners(StreamNumber stream, const std::vector<EntryRow>& rows, const std::map<LeaseId, LeasePlace>& places,
                   const std::vector<LeaseNews>& news);
  void ask_for_server(StreamNumber stream, const EntryRow& row);
  void act(TellMachine& tell);
  void act(RenewLeases& renew);
  void act(SeeWorker& see);
  void act(NoteHolders& note);
  void act(ForgetWorker& forget);
  void took_glance(StreamNumber stream, std::uint64_t number, const Reply& reply);
  void took_look(StreamNumber stream, std::uint64_t number, const Reply& reply);

  CoreMachine& machine_;
  const RedisTarget target_;
  const Keys keys_;
  const std::string server_;
  const std::shared_ptr<Logger> logger_;
  const PumpTimes times_;
  const std::shared_ptr<Mailbox> mailbox_;
  PumpBook book_;
  Link inbox_;
  Link writer_;
  worker::Backoff backoff_;
  std::vector<Waiting> polls_ = {};
  std::set<std::string> servers_ = {};  ///< that live, this one among them; empty: that is not known yet
  bool was_up_ = false;
  bool ever_up_ = false;
  std::string run_id_ = {};
  Time retry_at_{};
  Time ticked_at_{};
  Time inbox_at_{};
  Time workers_at_{};
  std::size_t reports_out_ = 0;                ///< that the machine has not answered
  std::vector<std::string> read_ids_[2] = {};  ///< of messages that were read: of the own inbox, of the common one
  std::string fault_ = {};
  Time fault_until_{};

  mutable std::mutex mutex_;
  QueueHealth health_;
  PumpBook::Counts counts_;
  std::uint64_t reconnects_ = 0;
  unsigned tries_ = 0;

  std::atomic<bool> stopping_{false};
  std::once_flag stopped_;
  std::thread thread_;
};

/// A name that nobody else has.
std::string make_name(std::size_t digits = 16);

}  // namespace coremachine::redis
