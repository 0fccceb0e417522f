#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coremachine/model/ids.hpp>
#include <coremachine/model/time.hpp>

#include "core/model/event.hpp"

namespace coremachine {

/// A machine that works on the same store.
struct Peer {
  Incarnation incarnation = 0;
  std::string name;
};

/// Several machines on one store, each with jobs of its own. A machine that is not heard of for a term is fenced: it
/// commits nothing any more, and the others take its jobs. It is the machine that is fenced, not the job, so that no
/// batch ever fails for one of its jobs. Functions throw Failure; unless said otherwise one thread calls them.
class Peers {
 public:
  virtual ~Peers() = default;

  /// Who takes part, as this machine has just seen it.
  struct Round {
    bool fenced = false;           ///< this machine was: it has to end
    std::vector<Peer> alive = {};  ///< the others
    bool first = true;             ///< of all who are alive: it does what one of them has to do
  };
  /// Says that this machine lives, and looks who else does. A machine that has said nothing for three fifths of `term`,
  /// by the clock of the one who looks, is fenced and its connections are ended. To be called every fifth of a term: so
  /// what a dead machine had is taken over within the term.
  virtual Round beat(Milliseconds term) = 0;
  /// A type of jobs, and a version of it.
  using JobKind = std::pair<std::string, std::string>;
  /// Unfinished jobs of these kinds whose machine is fenced, or has left, are this machine's from now on; at most so
  /// many at once. Suspects are left out.
  virtual std::vector<JobId> take_over(const std::vector<JobKind>& kinds, std::size_t limit) = 0;
  /// A job that ran when a machine died; and when the next one died that had it, in the same place.
  struct Suspect {
    JobId job;
    std::uint32_t deaths = 0;  ///< of machines that had it, in a row; 2 at least
  };
  /// The same for one suspect: one of those of which most have died.
  virtual std::optional<Suspect> take_suspect(const std::vector<JobKind>& kinds) = 0;
  /// Nothing runs here any more: the others may take what is left at once.
  virtual void leave() = 0;

  /// Who has each of these jobs that another machine has; not among them: this machine's, nobody's, and those that are
  /// over and whose machine has gone, which are this machine's from now on. Any thread.
  virtual std::map<JobId, Incarnation> owners_elsewhere(const std::vector<JobId>& jobs) const = 0;
  std::optional<Incarnation> owner_elsewhere(JobId job) const {
    const auto owners = owners_elsewhere({job});
    return owners.empty() ? std::nullopt : std::optional(owners.begin()->second);
  }
  /// Messages to one machine arrive in order, or not at all: they are lost with a crash of the store, and nobody is
  /// told. One whose connection was lost while it was sent may arrive twice, and then also later. Any thread.
  virtual void send(Incarnation to, std::string_view message) = 0;
  /// Calls `take` with each message to this machine, on a thread of its own, until `leave`; with one that was lost
  /// while it was read again.
  virtual void listen(std::function<void(Incarnation from, std::string message)> take) = 0;
};

}  // namespace coremachine
