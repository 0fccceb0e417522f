// Pages of tasks.

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <coremachine/runtime/core_machine.hpp>

#include "core/runtime/page_limits.hpp"
#include "core/runtime/shell.hpp"
#include "core/runtime/task_states.hpp"

namespace coremachine {
namespace runtime {
namespace {

using Statuses = std::array<bool, all_task_statuses.size()>;

/// The engine is asked so often for one page, if it has far to look.
constexpr int asks_per_page = 64;
/// Chunks whose outcomes are counted at a time, and segments that are sought at a time.
constexpr ChunkNumber chunks_at_a_time = 1024;
constexpr std::size_t segments_at_a_time = 64;

class TaskPager {
 public:
  TaskPager(Shell& shell, JobId job, const TaskQuery& query) : shell_(shell), job_(job), query_(query) {
    wanted_.fill(query.statuses.empty());
    for (const auto status : query.statuses) wanted_[static_cast<std::size_t>(status)] = true;
  }

  Result<TaskPage> read() {
    if (auto fault = check()) return *fault;
    for (int i = 0; i < asks_per_page; ++i) {
      const auto found = read_round_now(shell_, job_, choice_, ask());
      if (!found) return found.error();
      if (!*found) {
        if (query_.cursor.empty()) return TaskPage{};
        return bad_query("the round of this cursor is no more: the job was retried; begin anew");
      }
      now_ = *found;
      choice_ = {now_->stored.number, 0};
      const auto until = known_until();
      const auto done = shell_.reading([&](const Store& store) {
        collect(store, until);
        return true;
      });
      if (!done) return done.error();
      position_ = std::max(position_, until);
      if (page_.items.size() > query_.limit || position_ >= now_->total()) break;
    }
    return finish();
  }

 private:
  bool wants(TaskStatus status) const { return wanted_[static_cast<std::size_t>(status)]; }
  bool wants_open() const {
    return wants(TaskStatus::queued) || wants(TaskStatus::running) || wants(TaskStatus::retrying);
  }
  bool full() const { return page_.items.size() > query_.limit; }

  std::optional<Error> check() {
    if (auto fault = check_limit(query_.limit)) return fault;
    choice_.round = query_.round;
    choice_.stage = query_.stage.value_or(0);
    if (query_.stage && *query_.stage < 1) return bad_query("stages are numbered from 1");
    position_ = query_.first;
    if (query_.cursor.empty()) return std::nullopt;
    const auto cursor = TaskCursor::parse(query_.cursor);
    if (!cursor || (query_.round && *query_.round != cursor->round)) return bad_cursor(query_.cursor);
    choice_.round = cursor->round;
    position_ = cursor->index;
    return std::nullopt;
  }

  machine::LiveAsk ask() const {
    machine::LiveAsk ask;
    ask.from = position_;
    ask.limit = wants_open() ? query_.limit + 1 : 0;
    ask.statuses = wanted_;
    return ask;
  }

  /// What the engine was asked of it knows only up to here.
  TaskIndex known_until() const {
    const auto total = now_->total();
    if (now_->stored.over || !wants_open() || !now_->live) return total;
    const auto& live = *now_->live;
    if (live.tasks.size() > query_.limit) return live.tasks.back().index + 1;
    return std::min(total, live.end);
  }

  void collect(const Store& store, TaskIndex until) {
    const bool others = wants_open() || wants(TaskStatus::completed) || wants(TaskStatus::cancelled);
    if (!others && !now_->stored.is_inline) return collect_failures(store, until);
    while (position_ < until && !full()) {
      const auto window = static_cast<ChunkNumber>(position_ / chunk_size);
      const auto end = static_cast<ChunkNumber>((until + chunk_size - 1) / chunk_size);
      const auto to = std::min(end, window + (takes_all() ? 2 : chunks_at_a_time));
      for (const auto chunk : candidates(store, window, to)) {
        if (full()) return;
        read_chunk(store, chunk, until);
      }
      position_ = std::max(position_, TaskIndex{to} * chunk_size);
    }
  }

  /// Every chunk has tasks that are wanted, or there is but one.
  bool takes_all() const {
    return now_->stored.is_inline || std::all_of(wanted_.begin(), wanted_.end(), [](bool wanted) { return wanted; });
  }

  /// Chunks that may have wanted tasks.
  std::vector<ChunkNumber> candidates(const Store& store, ChunkNumber from, ChunkNumber to) const {
    std::vector<ChunkNumber> chunks;
    if (takes_all()) {
      for (auto chunk = from; chunk < to; ++chunk) chunks.push_back(chunk);
      return chunks;
    }
    std::set<ChunkNumber> found;
    if (now_->live) {
      for (const auto& task : now_->live->tasks) {
        const auto chunk = static_cast<ChunkNumber>(task.index / chunk_size);
        if (chunk >= from && chunk < to) found.insert(chunk);
      }
    }
    const bool left = now_->stored.over && wants(TaskStatus::cancelled);
    auto next = from;
    const auto add_untouched = [&](ChunkNumber before) {
      for (; next < before; ++next) {
        if (left) found.insert(next);
      }
    };
    for (const auto& counts : store.count_outcomes(job_, now_->stored.rounds, from, to)) {
      add_untouched(counts.chunk);
      next = counts.chunk + 1;
      const bool unfinished = left && counts.completed + counts.failed + counts.dead < tasks_in(counts.chunk);
      const bool fits = (wants(TaskStatus::completed) && counts.completed > 0) ||
                        (wants(TaskStatus::failed) && counts.failed > 0) ||
                        (wants(TaskStatus::dead) && counts.dead > 0);
      if (unfinished || fits) found.insert(counts.chunk);
    }
    add_untouched(to);
    return {found.begin(), found.end()};
  }

  std::uint32_t tasks_in(ChunkNumber chunk) const {
    const auto first = TaskIndex{chunk} * chunk_size;
    const auto total = now_->total();
    return first >= total ? 0 : static_cast<std::uint32_t>(std::min<TaskIndex>(chunk_size, total - first));
  }

  OutcomeQuery outcomes_from(ChunkNumber from, ChunkNumber to) const {
    OutcomeQuery query;
    query.job = job_;
    query.rounds = now_->stored.rounds;
    query.from = from;
    query.to = to;
    query.bodies = false;
    return query;
  }

  void read_chunk(const Store& store, ChunkNumber chunk, TaskIndex until) {
    const auto outcomes = now_->stored.outcomes(store, outcomes_from(chunk, chunk + 1));
    show(store, chunk, outcomes, until);
  }

  /// Failures have an index of their own: chunks without any are never looked at.
  void collect_failures(const Store& store, TaskIndex until) {
    auto query = outcomes_from(static_cast<ChunkNumber>(position_ / chunk_size), UINT32_MAX);
    query.rounds = {now_->stored.number};
    query.completed = false;
    query.only_failures = true;
    query.limit = segments_at_a_time;
    while (!full()) {
      const auto segments = store.read_outcomes(query);
      // Of the last chunk there may be more.
      const bool cut = segments.size() == query.limit;
      std::size_t begin = 0;
      while (begin < segments.size() && !full()) {
        const auto chunk = segments[begin].chunk;
        auto end = begin;
        while (end < segments.size() && segments[end].chunk == chunk) ++end;
        if (cut && end == segments.size()) {
          auto whole = query;
          whole.from = chunk;
          whole.to = chunk + 1;
          whole.limit = SIZE_MAX;
          show(store, chunk, store.read_outcomes(whole), until);
        } else {
          show(store, chunk,
               {segments.begin() + static_cast<std::ptrdiff_t>(begin),
                segments.begin() + static_cast<std::ptrdiff_t>(end)},
               until);
        }
        query.from = chunk + 1;
        begin = end;
      }
      if (!cut) return;
    }
  }

  void show(const Store& store, ChunkNumber chunk, const std::vector<OutcomeSegment>& outcomes, TaskIndex until) {
    const auto first = TaskIndex{chunk} * chunk_size;
    const TaskStates states(now_->stored, tasks_in(chunk), outcomes);
    TaskViewer viewer(store, job_, now_->stored, chunk, query_);
    for (ChunkOffset offset = 0; offset < states.count() && !full(); ++offset) {
      const auto index = first + offset;
      if (index < position_ || index >= until) continue;
      const auto* live = live_task(index);
      auto status = states.ended_as(offset);
      if (status) {
        live = nullptr;
      } else if (now_->stored.over) {
        status = TaskStatus::cancelled;
      } else {
        status = live ? live->status : TaskStatus::queued;
      }
      if (wants(*status) && (live || !is_open(*status) || !now_->live))
        page_.items.push_back(viewer.view(states, offset, *status, live));
    }
  }

  static bool is_open(TaskStatus status) {
    return status == TaskStatus::queued || status == TaskStatus::running || status == TaskStatus::retrying;
  }

  const machine::LiveTask* live_task(TaskIndex index) const {
    if (!now_->live) return nullptr;
    const auto& tasks = now_->live->tasks;
    const auto found = std::lower_bound(tasks.begin(), tasks.end(), index,
                                        [](const machine::LiveTask& task, TaskIndex at) { return task.index < at; });
    return found != tasks.end() && found->index == index ? &*found : nullptr;
  }

  TaskPage finish() {
    const bool more = full();
    if (more) page_.items.pop_back();
    const auto next = more ? page_.items.back().index + 1 : position_;
    if (more || position_ < now_->total()) page_.next_cursor = TaskCursor{now_->stored.number, next}.str();
    return std::move(page_);
  }

  Shell& shell_;
  const JobId job_;
  const TaskQuery& query_;
  Statuses wanted_ = {};
  RoundChoice choice_ = {};
  TaskIndex position_ = 0;
  std::shared_ptr<const RoundNow> now_ = {};
  TaskPage page_ = {};
};

}  // namespace
}  // namespace runtime

Result<TaskPage> CoreMachine::tasks(JobId job, const TaskQuery& query) const {
  return runtime::TaskPager(*shell_, job, query).read();
}

}  // namespace coremachine
