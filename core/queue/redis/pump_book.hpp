#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <coremachine/model/time.hpp>
#include <coremachine/runtime/remote.hpp>

#include "core/queue/redis/keys.hpp"

namespace coremachine::redis {

using StreamNumber = std::size_t;

/// An entry as it lies in a stream.
struct EntryRow {
  std::string id;
  LeaseId lease;
  JobId job;
  std::string server;
  std::string worker = {};  ///< who has read it; empty: nobody
};

/// What a look tells that is not whole.
struct Glance {
  std::size_t length = 0;                                      ///< of the stream
  std::vector<std::pair<std::string, std::string>> read = {};  ///< entries, and who has read them
};

// What a pump is to do.
struct PollMachine {
  StreamNumber stream;
  RemoteWorker worker;
  std::uint32_t most;
};
struct GiveUpPoll {
  StreamNumber stream;
};
/// Its group is made if there is none.
struct OpenStream {
  StreamNumber stream;
};
struct AddEntry {
  StreamNumber stream;
  HandOut hand_out;
};
struct RemoveEntry {
  StreamNumber stream;
  std::string id;
};
/// Remove it unless somebody has read it.
struct TakeBack {
  StreamNumber stream;
  LeaseId lease;
  std::string id;
};
/// At all entries, or, as that takes Redis longer the more lies in them, at how many there are and who has which.
struct LookAt {
  StreamNumber stream;
  std::uint64_t number;
  bool is_whole = true;
};
/// Another server has put these there: who has them now?
struct AskForOwners {
  StreamNumber stream;
  std::vector<EntryRow> rows;
};
struct TellMachine {
  RemoteReport report;
};
struct RenewLeases {
  RemoteWorker worker;
  std::vector<LeaseRenewal> leases;
};
struct SeeWorker {
  RemoteWorker worker;
};
/// The machine is told who has what, for those who look on.
struct NoteHolders {
  std::map<std::string, std::vector<LeaseId>> leases;  ///< by worker
};
struct ForgetWorker {
  std::string name;
  std::vector<StreamNumber> streams;
};
using PumpAction = std::variant<PollMachine, GiveUpPoll, OpenStream, AddEntry, RemoveEntry, TakeBack, LookAt,
                                AskForOwners, TellMachine, RenewLeases, SeeWorker, NoteHolders, ForgetWorker>;

/// Bytes of params that lie in one entry, unless one task alone has more.
inline constexpr std::size_t entry_bytes = std::size_t{16} << 20U;

struct PumpTimes {
  Milliseconds ahead{200};  ///< measured work that lies in a stream for each thread that takes it
  /// An entry that is not in its stream, and of which nothing was heard for so long, is lost.
  Milliseconds claims_within{1000};
  Milliseconds look_soon{1000};  ///< how often a stream is looked at in which something waits
  Milliseconds look_often{10'000};
  Milliseconds look_strange{5000};   ///< how often the look is whole where more lies in a stream than was put there
  Milliseconds look_whole{60'000};   ///< and where all seems to be well
  Milliseconds without_redis{2000};  ///< so long what waits is left to whoever may have it
  Milliseconds seen_every{5000};     ///< how often the machine hears of workers
  Milliseconds pause{1000};          ///< after an entry that Redis did not take
  /// What nobody has read for so long goes back, so that the machine can put what is more urgent by then in its place.
  Milliseconds waits_at_most{2000};
  Milliseconds term{30'000};  ///< of a lease, until a hand-out tells
  // Of the pump alone.
  Milliseconds inbox_lives{10'000};  ///< the inbox is there for so long after the server was last heard of
};

/// What a server knows of the entries that it has put into Redis, of the workers, and what is to be done about them. No
/// I/O, no threads, no clock: the time comes in, actions come out, and the answers to them come in.
///
/// Of each lease that the machine has given it, an entry lies in a stream until the machine says that the lease is
/// gone; while nobody has read the entry, the lease is renewed from here; if the entry is lost, its tasks go back. What
/// it is told twice, late or not at all costs time alone.
class PumpBook {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `server` is the name of this server alone, for ever.
  explicit PumpBook(std::string server, PumpTimes times = {});

  // ---- Redis ----

  void connected(Time now);
  void disconnected(Time now);
  /// It may have lost all that lay in it.
  void redis_forgot(Time now);

  void added(StreamNumber stream, LeaseId lease, std::string id);
  void not_added(LeaseId lease, Time now);
  /// All that lies in the stream, as it was when the look of this number was made.
  void looked(StreamNumber stream, std::uint64_t number, const std::vector<EntryRow>& rows, Time now);
  /// The same for a look that was not whole.
  void glanced(StreamNumber stream, std::uint64_t number, const Glance& glance, Time now);
  void look_failed(StreamNumber stream) { streams_[stream].is_looking = false; }
  /// `reader` has it; empty: nobody, and it is no longer there.
  void taken_back(LeaseId lease, const std::string& reader, Time now);
  void not_taken_back(LeaseId lease);
  /// Another server put it there, and the machine has its lease now: it was renewed.
  void adopt(StreamNumber stream, const EntryRow& row, Time now);

  // ---- workers ----

  /// All that are there now.
  void workers_are(std::vector<RemoteWorker> workers, Time now);
  void claimed(const std::string& worker, LeaseId lease, Time now);
  /// It was told something of the lease by who has it: of a renewal there are no outcomes.
  void heard(const std::string& worker, LeaseId lease, const std::vector<RemoteOutcome>& outcomes, Time now);
  /// No worker can read its entry.
  void refused(LeaseId lease, const std::string& why, Time now);

  // ---- the machine ----

  /// The answer to a poll; none: it was given up, or failed.
  void handed_out(StreamNumber stream, std::vector<HandOut> hand_outs, Time now);
  void poll_failed(StreamNumber stream, Time now);
  /// Asks for nothing more; what comes yet goes back.
  void close();
  /// Polls that the machine has not answered.
  bool is_asking() const;
  void news(const std::vector<LeaseNews>& news, Time now);

  // ---- what follows ----

  void tick(Time now);
  std::vector<PumpAction> take_actions() { return std::exchange(actions_, {}); }

  std::string poller(StreamNumber number) const { return pump_worker(number).name; }
  const StreamName& stream(StreamNumber number) const { return streams_[number].name; }
  std::size_t streams() const { return streams_.size(); }
  /// Whether the lease was given to this server for this job; nothing: the lease is not known here.
  std::optional<bool> knows(LeaseId lease, const JobId& job) const;

  struct Counts {
    std::size_t workers = 0;
    std::size_t waiting = 0;  ///< tasks in streams that nobody has read
    std::size_t claimed = 0;  ///< tasks with workers
    std::uint64_t handed_out = 0;
    std::uint64_t returned = 0;  ///< tasks that went back to the machine unread
  };
  Counts counts() const;

 private:
  enum class State : std::uint8_t { adding, waiting, taking_back, claimed };
  struct Out {
    StreamNumber stream = 0;
    JobId job;
    std::vector<std::pair<TaskIndex, std::uint32_t>> tasks = {};  ///< with their attempts; empty: another server's
    std::size_t left = 0;                                         ///< tasks of which no outcome was heard
    State state = State::adding;
    std::string id = {};
    std::string worker = {};
    Time put{};
    Time heard{};                ///< when the machine last heard of it
    std::uint64_t known_at = 0;  ///< the last look that was made before it was known to be there
    std::optional<Time> missing = {};
    bool is_lost_on_the_way = false;  ///< the connection ended before Redis said that it had it
    bool is_untold = false;           ///< the machine has not heard that `worker` has it
  };
  struct Stream {
    StreamName name;
    std::uint32_t concurrency = 0;
    bool is_polling = false;
    bool is_giving_up = false;
    std::size_t waiting_entries = 0;
    std::size_t waiting_tasks = 0;
    std::size_t claimed_tasks = 0;
    double mean_us = -1;  ///< how long a task takes; below 0: nobody knows
    Time paused_until{};
    Time look_at{};
    Time looked_at{};  ///< the last whole look
    Time whole_at{};   ///< when the next one is due
    // When the last look was made: entries that were there, and those that may have been.
    std::size_t sure = 0;
    std::size_t maybe = 0;
    std::uint64_t looks = 0;
    bool is_looking = false;
  };
  using Outs = std::unordered_map<std::uint64_t, Out>;

  StreamNumber stream_of(const StreamName& name);
  RemoteWorker pump_worker(StreamNumber number) const;
  std::size_t room(const Stream& stream) const;
  void fill(StreamNumber number, Time now);
  void stop_polling(StreamNumber number);
  Outs::iterator find(LeaseId lease) { return outs_.find(lease.value); }
  void count(const Out& out, int sign);
  void set_state(Out& out, State state);
  void claim(Out& out, const std::string& worker, Time now);
  void found_with(const std::string& worker, Out& out, Time now);
  void give_back(Outs::iterator at, Time now);
  void take_back(LeaseId lease, Out& out);
  void drop(Outs::iterator at);
  void remove_entry(Out& out);
  void judge(Out& out, const EntryRow* row, Time now);
  void look_at_all(Time now);
  void count_entries(StreamNumber number);
  void tell_holders();
  void tick_outs(Time now);
  bool tick_out(LeaseId lease, Out& out, Time now, std::map<StreamNumber, std::vector<LeaseRenewal>>& renewals);
  void take_back_all(StreamNumber number);

  const std::string server_;
  const PumpTimes times_;
  Milliseconds term_;
  bool up_ = false;
  bool closing_ = false;
  Time down_since_{};
  std::vector<Stream> streams_ = {};
  std::map<StreamName, StreamNumber> numbers_ = {};
  Outs outs_ = {};
  struct Worker {
    RemoteWorker worker;
    Time told{};
  };
  std::map<std::string, Worker> workers_ = {};
  std::vector<PumpAction> actions_ = {};
  std::uint64_t handed_out_ = 0;
  std::uint64_t returned_ = 0;
};

}  // namespace coremachine::redis
