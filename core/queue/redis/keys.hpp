#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace coremachine::redis {

/// Tasks that the same workers can take: of one type, resolved by one resolver.
struct StreamName {
  std::string task_type;
  std::string resolver_id = "default";
  friend auto operator<=>(const StreamName&, const StreamName&) = default;
};

/// Every key there is; all of them begin with the prefix. No name has an '@' or a ':' in it but the prefix and the
/// names of workers, which come last.
class Keys {
 public:
  explicit Keys(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }
  /// Stream: entries for workers. Group `workers`.
  std::string tasks(const StreamName& stream) const {
    auto key = prefix_ + ":tasks:" + stream.task_type;
    return stream.resolver_id == "default" ? key : key + "@" + stream.resolver_id;
  }
  /// Stream: what workers say to one server. It expires unless that server lives. Group `servers`.
  std::string inbox(std::string_view server) const { return (prefix_ + ":inbox:").append(server); }
  /// Stream: what they say to whoever hears it. Group `servers`.
  std::string inbox() const { return prefix_ + ":inbox"; }
  /// Set: the names of servers; some of them may be gone.
  std::string servers() const { return prefix_ + ":servers"; }
  /// Lists: what a worker is answered to its reports and to its renewals.
  std::string report_news(std::string_view worker) const { return (prefix_ + ":news:reports:").append(worker); }
  std::string renewal_news(std::string_view worker) const { return (prefix_ + ":news:renewals:").append(worker); }
  /// Set: the names of workers; some of them may be gone.
  std::string workers() const { return prefix_ + ":workers"; }
  /// String: what a worker is; it expires unless the worker lives.
  std::string worker(std::string_view name) const { return (prefix_ + ":worker:").append(name); }
  /// Stream: entries that no worker could read, with the reason.
  std::string refused() const { return prefix_ + ":refused"; }

 private:
  std::string prefix_;
};

inline constexpr std::string_view workers_group = "workers";
inline constexpr std::string_view servers_group = "servers";

// Fields of an entry of a stream of tasks.
inline constexpr std::string_view entry_field = "entry";    ///< the queue record's JSON
inline constexpr std::string_view lease_field = "lease";    ///< what it is known by without reading the JSON
inline constexpr std::string_view job_field = "job";        ///< likewise
inline constexpr std::string_view server_field = "server";  ///< whose inbox is told of it
/// The one field of what is in an inbox.
inline constexpr std::string_view message_field = "message";

}  // namespace coremachine::redis
