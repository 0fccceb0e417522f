#pragma once

#include <functional>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "triggers/cli/client/api.hpp"
#include "triggers/cli/client/event_reader.hpp"

namespace coremachine::cli {

struct FollowOptions {
  std::optional<Deadline> until = {};
  /// Without a byte for so long, a connection counts as lost: a server sends something more often than that.
  Milliseconds silence{60'000};
  /// How long to try to reach a server that was there before.
  Milliseconds outage{120'000};
  Milliseconds first_pause{250};
  Milliseconds longest_pause{5'000};
  /// Asked when the events have come to an end of the job: a job that is retried goes on after it.
  std::function<bool()> is_over = [] { return true; };
  /// Told once when the server is lost, and once when it is back.
  std::function<void(const std::string&)> note = [](const std::string&) {};
};

enum class Followed : std::uint8_t { ended, timed_out };

/// Reads the events of a job, from the first to the one that ends it, each once, over as many connections as it takes.
/// Throws CommandFailure as `Api` does, and `unreachable` when an outage lasts too long.
Followed follow(Api& api, const std::string& job_id,
                const std::function<void(const std::string& name, const boost::json::object& data)>& on_event,
                const FollowOptions& options = {});

}  // namespace coremachine::cli
