#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/machine/rules.hpp"
#include "core/model/effect.hpp"
#include "core/model/event.hpp"
#include "core/model/job.hpp"

namespace coremachine::machine {

/// What one step wants done, in order.
class Effects {
 public:
  void write(EffectBody body) { add({std::move(body), After::now}); }
  void now(EffectBody body) { add({std::move(body), After::now}); }
  void after_commit(EffectBody body) { add({std::move(body), After::commit}); }

  std::vector<Effect>& list() { return list_; }
  const std::vector<Effect>& list() const { return list_; }
  void clear() { list_.clear(); }

 private:
  void add(Effect effect) {
    if (list_.empty()) list_.reserve(most_often);
    list_.push_back(std::move(effect));
  }

  static constexpr std::size_t most_often = 6;  ///< or fewer; they are too large to be moved without need
  std::vector<Effect> list_;
};

/// A new job as its submission describes it; give it JobSubmitted next.
Job make_job(Submission submission);

/// The whole life of one job: takes what happened, changes the job, and says what is to be done.
/// Pure and total: every event is answered in every status, one that comes too late changes nothing.
void step(Job& job, Event event, const Now& now, const Rules& rules, Effects& out);

/// What those who follow the job are told, with its state as it is now. It gets the next sequence, which the job notes:
/// by that it can be told again.
Publish make_publish(Job& job, PublishedKind kind, const Now& now);

/// Puts the tasks of an `OfferTasks` effect into the ready queues; to be called when the effect is due.
void offer_tasks(Job& job, const OfferTasks& offer, Timestamp now);

/// When the first of the tasks that wait for a worker has waited as long as it may; nothing if none has such a time.
std::optional<Timestamp> start_deadline(const Job& job);

/// Whether a task of this job may be handed out now.
bool has_ready_tasks(const Job& job);

/// Takes ready tasks of one spec and one chunk and counts them as running: as many as `most(spec)` allows, which is 0
/// for a spec that may not be handed out. Nothing if there is none.
template <class Most>
std::optional<std::pair<SpecNumber, Slice>> hand_out(Job& job, const Now& now, const Most& most, Effects& out);

/// Takes one certain task out of the ready queues, for a suspect that runs alone; nothing if it is not ready.
std::optional<std::pair<SpecNumber, Slice>> hand_out_one(Job& job, TaskIndex index, const Now& now, Effects& out);

/// The handler's functions are due: the call gets its number.
void call_handler(Job& job, BoundaryKind kind, int stage, RoundNumber round, Effects& out);

/// Whether more tasks of the job's lazy stage are to be pulled now.
bool wants_more_tasks(const Job& job);

/// Whether a request is allowed in the job's status, and why not.
enum class Control : std::uint8_t { cancel, pause, resume, redrive, signal };
std::optional<Error> refusal(Control control, JobId id, JobStatus status);

/// What a redrive opens again: the number of the first round with tasks that did not complete, else of the last
/// round; nothing if there is no round.
std::optional<RoundNumber> redrive_target(const Job& job);

namespace detail {
using MostOf = std::uint32_t (*)(const void* context, SpecNumber spec);
std::optional<std::pair<SpecNumber, Slice>> hand_out(Job& job, const Now& now, MostOf most, const void* context,
                                                     Effects& out);
}  // namespace detail

template <class Most>
std::optional<std::pair<SpecNumber, Slice>> hand_out(Job& job, const Now& now, const Most& most, Effects& out) {
  const auto ask = [](const void* context, SpecNumber spec) { return (*static_cast<const Most*>(context))(spec); };
  return detail::hand_out(job, now, ask, &most, out);
}

}  // namespace coremachine::machine
