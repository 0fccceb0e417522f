#include "core/runtime/chunk_writer.hpp"

#include <algorithm>
#include <utility>

#include "core/model/json_text.hpp"

namespace coremachine::runtime {
namespace {

/// Of one pull: so much text is enough, however few tasks it is.
constexpr std::size_t enough_bytes = 4U << 20U;
constexpr std::size_t much_text = 8U << 20U;
constexpr std::size_t moderate_size = 8U << 10U;

}  // namespace

ChunkWriter::ChunkWriter(Setup setup)
    : tasks_(*setup.tasks),
      large_(*setup.large),
      holds_(*setup.holds),
      stage_(setup.stage),
      policy_(std::move(setup.policy)),
      enough_(setup.enough),
      specs_(std::move(setup.specs)),
      chunk_(setup.chunk) {
  if (!setup.rest) return;
  open_ = std::move(*setup.rest);
  body_ = *open_.body;
  body_.pop_back();  // its bracket
}

void ChunkWriter::add(const TaskDefinition& task) {
  const auto spec = spec_of(task);
  const auto before = body_.size();
  if (open_.count == 0) {
    open_.spec = spec;
    body_ = "[";
  } else {
    body_ += ',';
    if (open_.specs.empty() && spec != open_.spec) open_.specs.assign(open_.count, open_.spec);
  }
  if (!open_.specs.empty()) open_.specs.push_back(spec);
  if (const auto fault = large_.append(body_, task.parameters, limit(), holds_)) {
    fail(ErrorCode::handler_contract, "the parameters of a task are not valid JSON: " + *fault, task);
  }
  bytes_ += body_.size() - before;
  ++open_.count;
  ++added_;
  if (open_.count == chunk_size) close();
}

/// The params of a chunk are one text, which is in memory as a whole: when there is much of it already, even those of
/// moderate size are artifacts.
std::size_t ChunkWriter::limit() const {
  return body_.size() < much_text ? large_.limit() : std::min(large_.limit(), moderate_size);
}

bool ChunkWriter::full() const {
  return added_ >= enough_ || bytes_ >= enough_bytes;
}

void ChunkWriter::close() {
  if (open_.count == 0) return;
  body_ += ']';
  open_.chunk = chunk_;
  open_.first = TaskIndex{chunk_} * chunk_size;
  open_.body = make_text(std::exchange(body_, std::string()));
  const auto room = open_.body->size();
  chunks_.push_back(std::exchange(open_, DefinitionSegment{}));
  body_.reserve(room + room / 8);
  ++chunk_;
}

std::optional<DefinitionSegment> ChunkWriter::take_rest() {
  if (open_.count == 0) return std::nullopt;
  body_ += ']';
  open_.chunk = chunk_;
  open_.first = TaskIndex{chunk_} * chunk_size;
  open_.body = make_text(std::exchange(body_, std::string()));
  return std::exchange(open_, DefinitionSegment{});
}

void ChunkWriter::fail(ErrorCode code, std::string message, const TaskDefinition& task) const {
  Error error{code, std::move(message)};
  error.stage = stage_;
  error.task_index = next_index();
  error.task_type = task.task_type;
  throw BrokenContract{std::move(error)};
}

SpecNumber ChunkWriter::spec_of(const TaskDefinition& task) {
  const auto same = [&](const auto& known) {
    const auto& kind = known.first;
    return kind.task_type == task.task_type && kind.retry == task.retry && kind.timeout == task.timeout &&
           kind.start_timeout == task.start_timeout && kind.critical == task.critical;
  };
  if (!known_.empty() && same(known_[latest_])) return known_[latest_].second;
  const auto found = std::find_if(known_.begin(), known_.end(), same);
  if (found != known_.end()) {
    latest_ = static_cast<std::size_t>(found - known_.begin());
    return found->second;
  }
  const auto spec = make_spec(task);
  auto number = std::find(specs_.begin(), specs_.end(), spec) - specs_.begin();
  if (number == std::ssize(specs_)) {
    if (specs_.size() >= UINT16_MAX) {
      fail(ErrorCode::handler_contract, "a stage may have at most 65535 different kinds of tasks", task);
    }
    specs_.push_back(spec);
  }
  TaskDefinition kind;
  kind.task_type = task.task_type;
  kind.retry = task.retry;
  kind.timeout = task.timeout;
  kind.start_timeout = task.start_timeout;
  kind.critical = task.critical;
  known_.emplace_back(std::move(kind), static_cast<SpecNumber>(number));
  latest_ = known_.size() - 1;
  return known_.back().second;
}

SharedSpec ChunkWriter::make_spec(const TaskDefinition& task) const {
  const auto* info = tasks_.frozen_info(task.task_type);
  const auto copy = info ? Result<TaskInfo>(TaskInfo{}) : tasks_.get_info(task.task_type);
  if (!copy) fail(ErrorCode::unknown_task, copy.error().message, task);
  if (!info) info = &*copy;
  SharedSpec spec;
  spec.task_type = task.task_type;
  spec.retry = task.retry ? *task.retry : policy_.retry ? *policy_.retry : info->retry.value_or(RetryPolicy{});
  spec.timeout = task.timeout      ? *task.timeout
                 : policy_.timeout ? *policy_.timeout
                                   : info->timeout.value_or(Milliseconds{0});
  spec.start_timeout = task.start_timeout      ? *task.start_timeout
                       : policy_.start_timeout ? *policy_.start_timeout
                                               : info->start_timeout.value_or(Milliseconds{0});
  spec.heartbeat = info->heartbeat.value_or(Milliseconds{0});
  spec.pure = info->pure;
  spec.critical = task.critical;
  return spec;
}

}  // namespace coremachine::runtime
