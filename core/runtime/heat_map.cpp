// A round at a glance.

#include <algorithm>
#include <utility>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "core/runtime/page_limits.hpp"
#include "core/runtime/shell.hpp"
#include "core/runtime/stored_round.hpp"

namespace coremachine {
namespace runtime {
namespace {

/// Chunks of which the store is asked at a time: of their counts, or of their outcomes.
constexpr ChunkNumber counted_at_a_time = 4096;
constexpr ChunkNumber read_at_a_time = 64;

class HeatPainter {
 public:
  HeatPainter(const RoundNow& now, JobId job, const machine::LiveAsk& ask)
      : now_(now), job_(job), grid_(machine::cell_grid(now.total(), ask)) {
    map_.stage = now.stored.stage;
    map_.round = now.stored.number;
    map_.cells.resize(static_cast<std::size_t>(grid_.cells()));
    for (std::size_t i = 0; i < map_.cells.size(); ++i) {
      auto& cell = map_.cells[i];
      cell.first = grid_.first + i * grid_.size;
      cell.count = cell.counts.total = std::min<std::uint64_t>(grid_.size, grid_.end - cell.first);
    }
  }

  HeatMap paint(const Store& store) {
    const auto chunks = static_cast<ChunkNumber>((grid_.end + chunk_size - 1) / chunk_size);
    const bool whole_chunks = !now_.stored.is_inline && grid_.size % chunk_size == 0 && grid_.first % chunk_size == 0 &&
                              (grid_.end % chunk_size == 0 || grid_.end == now_.total());
    const auto step = whole_chunks ? counted_at_a_time : read_at_a_time;
    for (auto from = static_cast<ChunkNumber>(grid_.first / chunk_size); from < chunks; from += step) {
      const auto to = std::min(chunks, from + step);
      if (whole_chunks) {
        add_counts(store, from, to);
      } else {
        add_outcomes(store, from, to);
      }
    }
    for (std::size_t i = 0; i < map_.cells.size(); ++i) settle(i);
    return std::move(map_);
  }

 private:
  void add_counts(const Store& store, ChunkNumber from, ChunkNumber to) {
    for (const auto& counts : store.count_outcomes(job_, now_.stored.rounds, from, to)) {
      auto& cell = map_.cells[static_cast<std::size_t>(grid_.cell_of(TaskIndex{counts.chunk} * chunk_size))].counts;
      cell.completed += counts.completed;
      cell.failed += counts.failed;
      cell.dead += counts.dead;
    }
  }

  void add_outcomes(const Store& store, ChunkNumber from, ChunkNumber to) {
    OutcomeQuery query;
    query.job = job_;
    query.rounds = now_.stored.rounds;
    query.from = from;
    query.to = to;
    query.only_failures = true;
    query.bodies = false;
    for (const auto& segment : now_.stored.outcomes(store, query)) {
      const bool completed = segment.kind == OutcomeKind::completed;
      if (!completed && segment.round != now_.stored.number) continue;
      for (std::uint32_t i = 0; i < segment.count; ++i) {
        const auto index = TaskIndex{segment.chunk} * chunk_size + segment.offset_at(i);
        if (!grid_.has(index)) continue;  // a lazy round may have grown since, too
        auto& counts = map_.cells[static_cast<std::size_t>(grid_.cell_of(index))].counts;
        ++(completed ? counts.completed : segment.kind == OutcomeKind::dead ? counts.dead : counts.failed);
      }
    }
  }

  /// What has not ended is what the engine says; the store may know of ends that came later.
  void settle(std::size_t i) {
    auto& counts = map_.cells[i].counts;
    auto rest = counts.total - std::min(counts.total, counts.completed + counts.failed + counts.dead);
    if (now_.stored.over) {
      counts.cancelled = std::exchange(rest, 0);
    } else if (now_.live) {
      const auto live = now_.live->cells.find(i);
      if (live != now_.live->cells.end()) {
        counts.running = std::min(rest, live->second.running);
        rest -= counts.running;
        counts.retrying = std::min(rest, live->second.retrying);
        rest -= counts.retrying;
      }
    }
    counts.queued = rest;
    auto& sum = map_.counts;
    sum.total += counts.total;
    sum.queued += counts.queued;
    sum.running += counts.running;
    sum.retrying += counts.retrying;
    sum.completed += counts.completed;
    sum.failed += counts.failed;
    sum.dead += counts.dead;
    sum.cancelled += counts.cancelled;
  }

  const RoundNow& now_;
  const JobId job_;
  const machine::CellGrid grid_;
  HeatMap map_ = {};
};

}  // namespace
}  // namespace runtime

Result<HeatMap> CoreMachine::heat_map(JobId job, std::optional<int> stage, std::size_t cells) const {
  HeatQuery query;
  query.stage = stage;
  query.cells = cells;
  return heat_map(job, query);
}

Result<HeatMap> CoreMachine::heat_map(JobId job, const HeatQuery& query) const {
  if (query.cells < 1 || query.cells > max_heat_cells) {
    return runtime::bad_query("cells is " + std::to_string(query.cells) + "; it goes from 1 to " +
                              std::to_string(max_heat_cells));
  }
  if (query.stage && *query.stage < 1) return runtime::bad_query("stages are numbered from 1");
  machine::LiveAsk ask;
  ask.cells = query.cells;
  ask.cells_from = query.first;
  ask.cells_count = query.count.value_or(UINT64_MAX);
  const auto now = runtime::read_round_now(*shell_, job, {query.round, query.stage.value_or(0)}, ask);
  if (!now) return now.error();
  if (!*now) return HeatMap{};
  return shell_->reading([&](const Store& store) { return runtime::HeatPainter(**now, job, ask).paint(store); });
}

}  // namespace coremachine
