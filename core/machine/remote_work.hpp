#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/machine/action.hpp"
#include "core/machine/ring.hpp"
#include "core/model/lease.hpp"

namespace coremachine::machine {

/// Who takes tasks away to run them in another process.
struct Taker {
  std::string name = {};
  std::string kind = {};
  std::uint32_t concurrency = 1;
  std::vector<std::string> task_types = {};
  bool many = false;  ///< it passes them on to several workers, which tell their names when they renew the lease
};

/// What became of one attempt elsewhere.
struct LeaseOutcome {
  enum class Kind : std::uint8_t { completed, failed, returned };
  TaskIndex index = 0;
  std::uint32_t attempt = 1;
  Kind kind = Kind::completed;
  Text text = {};  ///< completed: the result; failed: the error, an object {type, message}
  bool permanent = false;
  bool dead = false;  ///< nothing that is there can run it
  std::optional<Milliseconds> retry_after = {};
  Text progress = {};  ///< failed: how far it had come; null: it did not say
  std::uint64_t took_us = 0;
};
struct LeaseReport {
  SliceId lease = 0;
  std::vector<LeaseOutcome> outcomes = {};
  ArtifactHolds artifacts = {};  ///< that the texts name
};
struct LeaseProgress {
  TaskIndex index = 0;
  std::uint32_t attempt = 1;
  Text progress = {};
};
struct LeaseRenewed {
  SliceId lease = 0;
  std::vector<LeaseProgress> progress = {};
  ArtifactHolds artifacts = {};
};

/// What is out with workers elsewhere, who they are, and who of them waits for more. Decides nothing.
struct RemoteWork {
  struct Held {
    Lease lease;
    Timestamp handed_out{};
    Timestamp expires{};
    LeaseStatus status = LeaseStatus::held;
    /// Who has it now, as whoever passed it on has said: for those who look on, and nothing else. Not on disk.
    std::string holder = {};
    const std::string& shown_worker() const { return holder.empty() ? lease.worker : holder; }
  };
  struct Worker {
    Taker taker;
    Timestamp connected_at{};
    Timestamp last_seen{};
  };
  struct Poll {
    Taker taker;
    std::uint32_t left = 0;  ///< tasks that it takes
  };
  struct Type {
    Ring ring = {};
    std::unordered_set<JobId> queued = {};  ///< in the ring
    std::deque<RequestId> polls = {};       ///< that wait for this type; answered ones among them
    std::uint64_t served = 0;               ///< when its turn was last
    std::uint32_t slots = 0;                ///< tasks of it that workers could run at a time, all told
  };

  std::unordered_map<SliceId, Held> leases = {};
  std::map<std::string, Worker> workers = {};
  std::map<RequestId, Poll> polls = {};
  std::map<std::string, Type> types = {};  ///< those that somebody has asked for
  std::uint64_t turn = 0;
  Timestamp look_at{};  ///< when it is time to see which workers are silent

  using Expiry = std::pair<Timestamp, SliceId>;
  /// When leases end, unless they were renewed since.
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>> expiries = {};

  /// The type that is handed out next: by the priority of what waits, then in turn. Null: none that anybody waits for.
  std::pair<const std::string, Type>* next_type();
  /// The first poll that waits for this type; null if none does.
  std::pair<const RequestId, Poll>* next_poll(Type& type);
  bool has_alone(const std::string& worker) const;
  /// After a worker came, changed or went.
  void count_slots();
};

}  // namespace coremachine::machine
