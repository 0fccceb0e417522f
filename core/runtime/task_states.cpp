#include "core/runtime/task_states.hpp"

#include <utility>

#include "core/model/json_text.hpp"

namespace coremachine::runtime {
namespace {

std::string text_member(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  const auto* member = object ? object->if_contains(name) : nullptr;
  return member && member->is_string() ? std::string(member->as_string()) : std::string();
}

}  // namespace

TaskStates::TaskStates(const StoredRound& round, std::uint32_t count, const std::vector<OutcomeSegment>& outcomes)
    : states_(count) {
  for (const auto& segment : outcomes) {
    const bool own = segment.round == round.number;
    const bool completed = segment.kind == OutcomeKind::completed;
    for (std::uint32_t i = 0; i < segment.count; ++i) {
      if (segment.offset_at(i) >= count) continue;
      auto& state = states_[segment.offset_at(i)];
      if (state.ended) continue;
      state.attempt = segment.attempt_at(i);
      if (!own && !completed) continue;  // it has all its attempts again
      if (segment.kind == OutcomeKind::lost || segment.kind == OutcomeKind::progress) continue;
      state.last = {&segment, i};
      state.ended = is_final(segment.kind);
    }
  }
}

std::optional<TaskStatus> TaskStates::ended_as(ChunkOffset offset) const {
  const auto& state = states_[offset];
  if (!state.ended) return std::nullopt;
  switch (state.last.segment->kind) {
    case OutcomeKind::completed: return TaskStatus::completed;
    case OutcomeKind::failed: return TaskStatus::failed;
    case OutcomeKind::dead: return TaskStatus::dead;
    case OutcomeKind::retrying:
    case OutcomeKind::lost:
    case OutcomeKind::progress: return std::nullopt;
  }
  return std::nullopt;
}

const std::optional<DefinitionSegment>& TaskViewer::definitions() {
  if (!definitions_) {
    definitions_ = round_.definitions(store_, job_, chunk_);
    if (*definitions_ && (*definitions_)->body && query_.params) param_ends_ = element_ends(*(*definitions_)->body);
  }
  return *definitions_;
}

json::value TaskViewer::element_of(const TaskStates::Place& place) {
  const auto& segment = *place.segment;
  const auto [found, fresh] = bodies_.try_emplace({segment.round, segment.sequence});
  auto& body = found->second;
  if (fresh) {
    body.text = segment.body;
    if (!body.text) {
      const auto whole = store_.read_outcome(job_, segment.round, segment.chunk, segment.sequence);
      if (whole) body.text = whole->body;
    }
    if (body.text && !segment.one_for_all) body.ends = element_ends(*body.text);
  }
  if (!body.text) return nullptr;
  return parse_stored(segment.one_for_all ? std::string_view(*body.text) : element_at(*body.text, body.ends, place.i));
}

void TaskViewer::add_attempt(TaskView& view, const TaskStates::Place& last) {
  view.worker = last.segment->worker;
  view.started_at = last.segment->started_at;
  view.finished_at = last.segment->finished_at_of(last.i);
  if (last.segment->kind == OutcomeKind::completed) {
    if (query_.results) view.result = element_of(last);
    return;
  }
  add_error(view, last);
  if (view.status == TaskStatus::retrying && last.segment->kind == OutcomeKind::retrying)
    view.retry_at = Timestamp{Milliseconds{last.segment->due_at(last.i)}};
}

void TaskViewer::add_error(TaskView& view, const TaskStates::Place& last) {
  const auto told = element_of(last);
  view.error_type = text_member(told, "type");
  auto& error = view.error.emplace();
  // Handlers have words of their own; only the engine's are codes.
  const auto code = error_code_from(view.error_type);
  error.code = last.segment->kind == OutcomeKind::dead && code ? *code : ErrorCode::task_failed;
  error.message = text_member(told, "message");
  error.stage = view.stage;
  error.task_index = view.index;
  error.task_type = view.task_type;
  error.attempt = last.segment->attempt_at(last.i);
}

TaskView TaskViewer::view(const TaskStates& states, ChunkOffset offset, TaskStatus status,
                          const machine::LiveTask* live) {
  TaskView view;
  view.stage = round_.stage;
  view.round = round_.number;
  view.index = TaskIndex{chunk_} * chunk_size + offset;
  view.status = status;
  view.attempt = live ? live->attempt : states.attempt(offset);
  SpecNumber spec = 0;
  if (round_.specs.size() > 1 && definitions() && offset < definitions()->count) spec = definitions()->spec_of(offset);
  if (spec < round_.specs.size()) view.task_type = round_.specs[spec].task_type;
  if (query_.params && definitions() && definitions()->body)
    view.params = parse_stored(element_at(*definitions()->body, param_ends_, offset));
  const auto last = states.last(offset);
  if (last.segment) add_attempt(view, last);
  if (!live) return view;
  if (live->progress) view.progress = parse_stored(*live->progress);
  if (status != TaskStatus::running) return view;
  view.worker = "local";
  view.started_at = live->since;
  view.finished_at.reset();
  return view;
}

}  // namespace coremachine::runtime
