#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/runtime/remote.hpp>

namespace coremachine::redis {

/// What a worker says of one lease.
struct LeaseWord {
  LeaseId lease;
  JobId job;  ///< whose tasks they are: leases of two stores may have the same number
  std::vector<RemoteOutcome> outcomes = {};
  std::vector<RemoteProgress> progress = {};
};

/// What lies in an inbox.
struct Message {
  enum class Kind : std::uint8_t {
    report,  ///< outcomes; answered
    renew,   ///< the leases go on; answered
    claim,   ///< it has taken these entries out of a stream
    refuse,  ///< it cannot read the entry of this lease
    hello,   ///< it is there, or has changed
    leave,   ///< it takes no more
  };
  Kind kind = Kind::hello;
  RemoteWorker worker = {};  ///< with `report`, `claim` and `refuse` its name alone
  std::string number = {};   ///< what the answer is known by
  std::vector<LeaseWord> leases = {};
  std::string why = {};      ///< refuse
  std::uint32_t passed = 0;  ///< how many servers have passed it on, as none of its leases is theirs
};

std::string to_text(const Message& message);
/// invalid_argument: what is wrong with it.
Result<Message> read_message(std::string_view text);

/// What a server says to a worker.
struct Answer {
  std::string number;
  std::string server;
  std::vector<LeaseNews> news = {};
  std::string fault = {};  ///< nothing was taken, because of that
  bool is_busy = false;    ///< of a fault: the same may be taken later
  /// Another server has these, or will have them soon: whoever hears it is told of them from now on.
  std::vector<LeaseId> elsewhere = {};
};

std::string to_text(const Answer& answer);
Result<Answer> read_answer(std::string_view text);

/// What a worker is, as it lies under its key.
std::string worker_text(const RemoteWorker& worker);
Result<RemoteWorker> read_worker(std::string_view text);

}  // namespace coremachine::redis
