#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/registry/artifacts.hpp>
#include <coremachine/runtime/remote.hpp>

namespace coremachine {

// What a worker needs of the way to its machine. A worker keeps what it has to tell until it is answered, asks again
// with growing pauses while the connection is lost, and copes with a hand-out that comes twice; a transport does none
// of that.

/// Why nothing came of talking to the machine.
struct WorkerFault {
  enum class Kind : std::uint8_t {
    unreachable,  ///< the connection could not be made or was lost; nobody knows what was heard. Worth doing again
    busy,         ///< heard, and asked to come again later
    not_allowed,  ///< heard, and not from somebody who may do that: wrong token, certificate, password
    refused,      ///< heard, and not understood or not to be had. The same would be refused again
  };
  Kind kind = Kind::unreachable;
  std::string what;                              ///< for people
  std::optional<Milliseconds> retry_after = {};  ///< not before that; nothing: as the worker likes
};

template <class T>
using WorkerAnswer = boost::system::result<T, WorkerFault>;

[[noreturn]] COREMACHINE_API void throw_exception_from_error(const WorkerFault& fault,
                                                             const boost::source_location& where);

/// The way of one worker to its machine. Calls block. Up to three threads are in it at a time, each in another of
/// `poll`, `report` and `renew`; `leave` comes from any of them or from another; `interrupt` at any time, from any
/// thread.
class COREMACHINE_API WorkerTransport {
 public:
  virtual ~WorkerTransport();
  WorkerTransport() = default;
  WorkerTransport(const WorkerTransport&) = delete;
  WorkerTransport& operator=(const WorkerTransport&) = delete;

  /// Hand-outs for this worker of at most `max_tasks` tasks in all, as soon as there are some; none: there were none
  /// for as long as `wait`. The first call makes the connection, and so does each that finds it lost.
  virtual WorkerAnswer<std::vector<HandOut>> poll(const RemoteWorker& worker, std::uint32_t max_tasks,
                                                  Milliseconds wait) = 0;
  /// Returns when what it reports is durable with the machine: only then does the worker forget it. The news of leases
  /// that were reported on; of the others, what happens to be known. Reporting the same again does no harm.
  virtual WorkerAnswer<std::vector<LeaseNews>> report(const RemoteWorker& worker,
                                                      const std::vector<RemoteReport>& reports) = 0;
  /// The leases go on for another term from when the machine hears of it; also without any, so that the worker is seen.
  /// News of every lease asked for: one of which the answer says nothing is taken to be held.
  virtual WorkerAnswer<std::vector<LeaseNews>> renew(const RemoteWorker& worker,
                                                     const std::vector<LeaseRenewal>& leases) = 0;
  /// The worker takes no more; a `poll` that waits is answered soon. It still reports and renews what it holds. Called
  /// again when it holds nothing any more: it is gone.
  virtual WorkerAnswer<void> leave(const RemoteWorker& worker) = 0;
  /// Calls that wait, and all later ones, give up at once as `unreachable`: the worker ends without the machine.
  virtual void interrupt() = 0;
};

/// Where a worker finds the artifacts of its machine. Any thread; calls block, and throw Failure: store_missing for an
/// artifact that is not there, store_full, store_damaged, store_failed where it cannot be reached.
class COREMACHINE_API WorkerArtifacts {
 public:
  virtual ~WorkerArtifacts();
  virtual std::unique_ptr<ArtifactContent> open(const ArtifactId& id) = 0;
  /// What is stored stays at least until the outcome that names it can have been reported.
  virtual std::unique_ptr<NewArtifact> begin(std::string_view media_type) = 0;
};

}  // namespace coremachine
