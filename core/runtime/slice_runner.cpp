#include "core/runtime/slice_runner.hpp"

#include <array>
#include <chrono>
#include <typeinfo>
#include <utility>

#include <boost/core/demangle.hpp>
#include <boost/json/monotonic_resource.hpp>

#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"
#include "core/registry/task_callable.hpp"
#include "core/runtime/chunk_writer.hpp"
#include "core/runtime/fold_stage.hpp"
#include "core/runtime/slice_texts.hpp"

namespace coremachine::runtime {
namespace {

/// A slice that takes longer than this tells what it has so far.
constexpr std::chrono::milliseconds report_every{50};
/// Chunks whose definitions are kept for the next slice of them.
constexpr std::size_t recent_chunks = 16;

}  // namespace

ReportBuilder::ReportBuilder(const Slice& slice, std::string worker, std::function<Timestamp()> clock,
                             LargeValues& large)
    : slice_(slice), worker_(std::move(worker)), clock_(std::move(clock)), large_(large) {
  begin();
}

void ReportBuilder::begin() {
  report_ = Report{};
  report_.round = slice_.round;
  report_.chunk = slice_.chunk;
  report_.incarnation = slice_.incarnation;
  report_.worker = worker_;
  report_.started_at = clock_();
  began_ = std::chrono::steady_clock::now();
  body_ = "[";
  folded_ = initial_;
  listed_ = !slice_.offsets.empty();
}

void ReportBuilder::fold_by(const StageFold* fold) {
  fold_ = fold;
  try {
    if (fold_) folded_ = initial_ = fold_->init();
  } catch (const std::exception& error) {
    fold_broke(Error{ErrorCode::handler_threw, error.what()});
  }
}

void ReportBuilder::fold(ChunkOffset offset, const json::value& result) {
  try {
    fold_->step(folded_, TaskIndex{slice_.chunk} * chunk_size + offset, result);
  } catch (const std::exception& error) {
    fold_broke(Error{ErrorCode::handler_threw,
                     "the fold of stage " + std::to_string(slice_.stage) + " threw: " + error.what()});
  }
}

void ReportBuilder::fold_broke(Error error) {
  fold_ = nullptr;
  error.stage = slice_.stage;
  report_.broken = std::move(error);
}

std::uint32_t ReportBuilder::elapsed_ms() const {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(age()).count());
}

/// Appends the text of a result, or says what kept it out.
Appended ReportBuilder::append(std::uint32_t position, const json::value& result, IfLarge if_large) {
  const auto before = body_.size();
  if (report_.completed.count > 0) body_ += ',';
  const auto begin = body_.size();
  auto appended = Appended::not_json;
  try {
    if (if_large == IfLarge::refuse) {
      appended = append_json_within(body_, result, large_.limit());
      if (appended == Appended::done) large_.hold_named(std::string_view(body_).substr(begin), report_.artifacts);
    } else if (!large_.append(body_, result, large_.limit(), report_.artifacts)) {
      return Appended::done;
    }
    if (appended == Appended::not_json)
      broke_contract(position, "the result is not valid JSON: " + fault_of_json(result).value_or(""));
  } catch (const ArtifactFailure& failure) {
    appended = Appended::not_json;
    raised(position, std::string(to_string(failure.error().code)),
           "the result cannot be kept: " + failure.error().message);
  }
  if (appended != Appended::done) body_.resize(before);
  return appended;
}

bool ReportBuilder::finished(std::uint32_t position, const TaskResult& result, IfLarge if_large) {
  if (!result.ok()) {
    const auto& failure = result.failure();
    if (failure.kind == TaskFailure::Kind::dead) {
      failed(position, FailedAttempt::Verdict::dead, ErrorCode::unresolvable, std::nullopt, failure.type,
             failure.message);
      return true;
    }
    const bool permanent = failure.kind == TaskFailure::Kind::permanent;
    failed(position, permanent ? FailedAttempt::Verdict::permanent : FailedAttempt::Verdict::retry,
           ErrorCode::task_failed, failure.retry_after, failure.type, failure.message);
    return true;
  }
  const auto appended = append(position, result.value(), if_large);
  if (appended != Appended::done) return appended != Appended::too_long;
  auto& done = report_.completed;
  const auto offset = slice_.offset_at(position);
  if (done.count == 0) done.first = offset;
  if (!listed_ && offset != done.first + done.count) {
    listed_ = true;
    for (std::uint32_t i = 0; i < done.count; ++i) done.offsets.push_back(done.first + i);
  }
  if (listed_) done.offsets.push_back(offset);
  if (!slice_.attempts.empty()) done.attempts.push_back(slice_.attempt_at(position));
  done.finished_ms.push_back(elapsed_ms());
  done.ends.push_back(static_cast<std::uint32_t>(body_.size()));
  ++done.count;
  if (fold_) fold(offset, result.value());
  return true;
}

void ReportBuilder::raised(std::uint32_t position, const std::string& type, const std::string& message) {
  failed(position, FailedAttempt::Verdict::retry, ErrorCode::task_failed, std::nullopt, type, message);
}

void ReportBuilder::broke_contract(std::uint32_t position, const std::string& message) {
  failed(position, FailedAttempt::Verdict::dead, ErrorCode::handler_contract, std::nullopt, "handler_contract",
         message);
}

void ReportBuilder::never_runnable(std::uint32_t position, const std::string& message) {
  failed(position, FailedAttempt::Verdict::dead, ErrorCode::unknown_task, std::nullopt, "unknown_task", message);
}

void ReportBuilder::failed(std::uint32_t position, FailedAttempt::Verdict verdict, ErrorCode code,
                           std::optional<Milliseconds> after, const std::string& type, const std::string& message) {
  FailedAttempt failure;
  failure.offset = slice_.offset_at(position);
  failure.attempt = slice_.attempt_at(position);
  failure.verdict = verdict;
  failure.finished_ms = elapsed_ms();
  failure.retry_after = after;
  failure.code = code;
  auto text = error_text(type, message);
  const bool same = !report_.failed.empty() && *report_.failed.back().error == text;
  failure.error = same ? report_.failed.back().error : make_text(std::move(text));
  report_.failed.push_back(std::move(failure));
}

void ReportBuilder::failed_at(ChunkOffset offset, const Text& progress) {
  if (report_.failed.empty() || report_.failed.back().offset != offset) return;
  report_.failed.back().progress = progress;
  hold_progress(large_, progress, report_.artifacts);
}

Report ReportBuilder::take() {
  const auto elapsed = age();
  report_.finished_at = report_.started_at + std::chrono::duration_cast<Milliseconds>(elapsed);
  report_.busy_ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  if (elapsed < std::chrono::milliseconds{2}) {
    // One time for all is exact enough, and most of what a short task would take on disk.
    report_.completed.finished_ms.clear();
    for (auto& failure : report_.failed) failure.finished_ms = 0;
  }
  if (fold_ && report_.completed.count > 0) {
    try {
      report_.completed.fold = folded_text(folded_, slice_.stage);
    } catch (const BrokenContract& broken) {
      fold_broke(broken.error);
    }
  }
  body_ += ']';
  report_.completed.body = make_text(std::move(body_));
  auto report = std::move(report_);
  begin();
  return report;
}

Text SliceRunner::definitions(const machine::RunSlice& work) const {
  if (work.definitions) return work.definitions;
  const auto& slice = work.slice;
  const ChunkName name{slice.job, slice.defined_in, slice.chunk};
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [chunk, text] : recent_) {
      if (chunk == name) return text;
    }
  }
  auto text = stored_definitions(slice, *setup_.store);
  const std::lock_guard lock(mutex_);
  recent_.emplace_front(name, text);
  if (recent_.size() > recent_chunks) recent_.pop_back();
  return text;
}

namespace {

/// The arguments of one call, parsed out of the chunk's text with memory that is used again for the next.
class Arguments {
 public:
  explicit Arguments(Text text) : text_(std::move(text)), ends_(element_ends(*text_)) {}

  /// Calls `use` with the params of the task at this offset of the chunk, read if they are an artifact.
  void with(ChunkOffset offset, LargeValues& large, const auto& use) {
    const std::size_t begin = offset == 0 ? 1 : ends_.at(offset - 1) + 1;
    const auto length = ends_.at(offset) - begin;
    json::monotonic_resource memory(value_buffer_.data(), value_buffer_.size());
    const auto value = parser_.parse(std::string_view(*text_).substr(begin, length), &memory);
    if (const auto reference = parse_automatic_reference(value)) {
      const auto large_params = large.load(*reference);
      use(large_params.as_object());
      return;
    }
    use(value.as_object());
  }

 private:
  Text text_;
  std::vector<std::uint32_t> ends_;
  ValueParser parser_;
  std::array<unsigned char, 8192> value_buffer_;
};

}  // namespace

bool is_watched(const SharedSpec& spec) {
  return spec.timeout.count() > 0 || spec.heartbeat.count() > 0;
}

TaskFailure failure_of(const Error& error) {
  const bool is_damaged = error.code == ErrorCode::store_damaged || error.code == artifact_missing;
  return {.type = std::string(to_string(error.code)),
          .message = error.message,
          .kind = is_damaged ? TaskFailure::Kind::permanent : TaskFailure::Kind::retry};
}

LiveBeats::LiveBeats(SliceState& state, const SliceRunner::Setup& setup) : state_(state), setup_(setup) {}

void LiveBeats::begin(std::uint32_t position) {
  position_ = position;
  latest_.reset();
  earlier_.reset();
  const auto& slice = state_.work().slice;
  for (const auto& [offset, text] : slice.progress) {
    if (offset == slice.offset_at(position)) earlier_ = parse_stored(*text);
  }
}

void LiveBeats::beat(const json::value& progress) {
  const auto now = std::chrono::steady_clock::now();
  state_.note_beat(now);
  if (progress.is_null()) return;
  std::string text;
  if (append_json(text, progress)) return;  // what cannot be kept is no progress
  latest_ = make_text(std::move(text));
  if (!setup_.partial || (sent_ && now - *sent_ < keep_every)) return;
  sent_ = now;
  const auto& slice = state_.work().slice;
  Report report;
  report.round = slice.round;
  report.chunk = slice.chunk;
  report.incarnation = slice.incarnation;
  report.worker = setup_.worker;
  report.started_at = report.finished_at = setup_.clock();
  report.progress.push_back({slice.offset_at(position_), slice.attempt_at(position_), latest_});
  hold_progress(*setup_.large, latest_, report.artifacts);
  setup_.partial(state_.work().id, std::move(report));
}

std::unique_ptr<StageFold> SliceRunner::make_fold(const machine::RunSlice& work) const {
  if (work.fold_by.empty()) return nullptr;
  // What goes wrong here goes wrong again where the stage is closed, and is said there.
  try {
    return setup_.jobs->make(work.fold_by, work.fold_version).value()->make_fold(work.slice.stage);
  } catch (...) {
    return nullptr;
  }
}

TaskContext::State SliceRunner::about(const machine::RunSlice& work) const {
  TaskContext::State about;
  about.job_id = work.slice.job;
  about.stage = work.slice.stage;
  about.round = work.slice.round;
  about.defined_in = work.slice.defined_in;
  about.task_type = &work.spec.task_type;
  about.services = setup_.services;
  about.log = setup_.log;
  about.worker = setup_.worker;
  about.traceparent = work.traceparent;
  return about;
}

Report SliceRunner::run(SliceState& state, RunningRecord::Slot& slot) const {
  const auto& work = state.work();
  const auto& slice = work.slice;
  ReportBuilder reports(slice, setup_.worker, setup_.clock, *setup_.large);
  const auto fold = make_fold(work);
  if (fold) reports.fold_by(fold.get());
  const auto* callable = setup_.tasks->find_callable(work.spec.task_type);
  Text texts;
  try {
    texts = definitions(work);
  } catch (const std::exception& error) {
    while (const auto position = state.claim()) reports.raised(*position, "store", error.what());
    return reports.take();
  }
  Arguments arguments(std::move(texts));

  state.note_began(std::chrono::steady_clock::now());
  auto about = this->about(work);
  about.cancelled = &state.cancelled();
  LiveBeats beats(state, setup_);
  about.heartbeats = &beats;
  HandlerArtifacts artifacts(*setup_.large, slice.job);
  about.artifacts = &artifacts;

  while (const auto position = state.claim()) {
    const auto offset = slice.offset_at(*position);
    about.index = TaskIndex{slice.chunk} * chunk_size + offset;
    about.attempt = slice.attempt_at(*position);
    if (is_watched(work.spec)) {
      const auto began = std::chrono::steady_clock::now();
      state.note_began(began);
      state.note_beat(began);
      if (work.spec.timeout.count() > 0) about.deadline = began + work.spec.timeout;
    }
    beats.begin(*position);
    about.progress = beats.of_earlier();
    if (!callable) {
      reports.never_runnable(*position, "no task type \"" + work.spec.task_type + "\" is registered");
      continue;
    }
    slot.at(about.index);
    if (*position == 0 || slot.state.load(std::memory_order_relaxed) == 0)
      slot.note(slice.job, slice.round, false, work.alone);
    TaskContext context(about);
    try {
      arguments.with(offset, *setup_.large, [&](const json::object& params) {
        reports.finished(*position, callable->function(params, context));
      });
    } catch (const TaskFailure& failure) {
      reports.finished(*position, TaskResult(failure));
    } catch (const ArtifactFailure& failure) {
      reports.finished(*position, TaskResult(failure_of(failure.error())));
    } catch (const std::exception& error) {
      reports.raised(*position, boost::core::demangle(typeid(error).name()), error.what());
    } catch (...) {
      reports.raised(*position, "unknown", "the handler threw something that is not an exception");
    }
    if (beats.latest()) reports.failed_at(offset, beats.latest());
    if (artifacts.used()) reports.hold(artifacts.take());
    if (setup_.partial && (reports.age() > report_every || reports.is_full()) &&
        !state.cancelled().load(std::memory_order_relaxed)) {
      setup_.partial(work.id, reports.take());
      state.note_began(std::chrono::steady_clock::now());
    }
  }
  slot.clear();
  return reports.take();
}

}  // namespace coremachine::runtime
