#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <coremachine/registry/task_registry.hpp>

#include <coremachine/registry/job_registry.hpp>
#include "core/model/json_text.hpp"
#include "core/ports/store.hpp"

#include "core/runtime/handler_artifacts.hpp"
#include "core/runtime/input.hpp"
#include "core/runtime/running_record.hpp"
#include "core/runtime/slice_state.hpp"

namespace coremachine::runtime {

/// Gathers what becomes of the tasks of one slice into reports. Results are serialised here, once.
class ReportBuilder {
 public:
  ReportBuilder(const Slice& slice, std::string worker, std::function<Timestamp()> clock, LargeValues& large);
  /// Results are folded as they come in; the fold must outlive the builder.
  void fold_by(const StageFold* fold);

  /// What becomes of a result that is too large for a report: it is stored, which may take long, or nothing is done and
  /// false returned.
  enum class IfLarge : std::uint8_t { store, refuse };
  bool finished(std::uint32_t position, const TaskResult& result, IfLarge if_large = IfLarge::store);
  void raised(std::uint32_t position, const std::string& type, const std::string& message);
  void broke_contract(std::uint32_t position, const std::string& message);
  void never_runnable(std::uint32_t position, const std::string& message);
  /// How far the task at this offset had come, if it has just failed.
  void failed_at(ChunkOffset offset, const Text& progress);
  /// What a handler stored stays until the report is durable.
  void hold(ArtifactHolds holds) { report_.artifacts.take(std::move(holds)); }

  /// How long ago this report began.
  std::chrono::nanoseconds age() const { return std::chrono::steady_clock::now() - began_; }
  bool empty() const { return report_.completed.count == 0 && report_.failed.empty(); }
  /// There is more text in it than one report should have.
  bool is_full() const { return body_.size() >= full_bytes; }
  /// The report so far; the next one begins.
  Report take();

 private:
  void begin();
  Appended append(std::uint32_t position, const json::value& result, IfLarge if_large);
  void fold(ChunkOffset offset, const json::value& result);
  void fold_broke(Error error);
  std::uint32_t elapsed_ms() const;
  void failed(std::uint32_t position, FailedAttempt::Verdict verdict, ErrorCode code, std::optional<Milliseconds> after,
              const std::string& type, const std::string& message);

  static constexpr std::size_t full_bytes = std::size_t{8} << 20U;

  const Slice& slice_;
  std::string worker_;
  std::function<Timestamp()> clock_;
  LargeValues& large_;
  std::chrono::steady_clock::time_point began_;
  Report report_;
  std::string body_ = {};
  bool listed_ = false;  ///< offsets are listed one by one
  const StageFold* fold_ = nullptr;
  json::value initial_;
  json::value folded_;
};

/// What an artifact that cannot be had means for an attempt: no further one finds it if it is damaged.
TaskFailure failure_of(const Error& error);

/// Whether somebody has to see to it that the attempts of this spec end, or are heard of, in time.
bool is_watched(const SharedSpec& spec);

/// Runs task handlers that occupy a thread, slice by slice.
class SliceRunner {
 public:
  struct Setup {
    const JobRegistry* jobs = nullptr;
    const TaskRegistry* tasks = nullptr;
    const Store* store = nullptr;
    const Services* services = nullptr;
    Logger* log = nullptr;  ///< for what handlers want an operator to know
    LargeValues* large = nullptr;
    std::string worker;
    std::function<Timestamp()> clock;
    std::function<void(machine::SliceId, Report)> partial;  ///< part of a slice that takes long
  };
  explicit SliceRunner(Setup setup) : setup_(std::move(setup)) {}

  /// The fold of the slice's stage; null if it does not fold.
  std::unique_ptr<StageFold> make_fold(const machine::RunSlice& work) const;
  /// Runs what is left of the slice and says what became of it.
  Report run(SliceState& slice, RunningRecord::Slot& slot) const;

  /// What a handler of the slice is told besides its position.
  TaskContext::State about(const machine::RunSlice& work) const;
  /// The definitions of the slice's chunk: as handed over, or read from the store.
  Text definitions(const machine::RunSlice& work) const;
  LargeValues& large() const { return *setup_.large; }

 private:
  using ChunkName = std::tuple<JobId, RoundNumber, ChunkNumber>;

  Setup setup_;
  mutable std::mutex mutex_;
  mutable std::deque<std::pair<ChunkName, Text>> recent_;
};

/// What the attempts of one slice say of themselves while they run.
class LiveBeats final : public Heartbeats {
 public:
  LiveBeats(SliceState& state, const SliceRunner::Setup& setup);
  void begin(std::uint32_t position);
  /// On the thread of the handler.
  void beat(const json::value& progress) override;
  const Text& latest() const { return latest_; }
  const json::value* of_earlier() const { return earlier_ ? &*earlier_ : nullptr; }

 private:
  /// Progress is kept on disk no more often than this.
  static constexpr std::chrono::seconds keep_every{1};

  SliceState& state_;
  const SliceRunner::Setup& setup_;
  std::uint32_t position_ = 0;
  Text latest_ = {};
  std::optional<json::value> earlier_ = {};
  std::optional<std::chrono::steady_clock::time_point> sent_ = {};
};

}  // namespace coremachine::runtime
