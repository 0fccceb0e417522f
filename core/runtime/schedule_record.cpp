#include "core/runtime/schedule_record.hpp"

#include <utility>

#include "core/model/json_text.hpp"
#include "core/schedule/document_reader.hpp"
#include "core/schedule/schedule_codec.hpp"

namespace coremachine::runtime {
namespace {

using schedule::DocumentReader;
using schedule::Fault;

Text text_of(const json::object& object) {
  std::string text;
  append_json(text, object);
  return make_text(std::move(text));
}

json::object to_json(const FiringRecord& record) {
  auto out = schedule::to_json(record.firing);
  out["fired_at"] = to_rfc3339(record.fired_at);
  if (record.job) out["job_id"] = record.job->str();
  if (!record.error.empty()) out["error"] = record.error;
  return out;
}

FiringRecord read_firing_record(DocumentReader& in) {
  FiringRecord record;
  record.firing = schedule::read_firing(in);
  record.fired_at = in.time("fired_at").value_or(Timestamp{});
  if (const auto text = in.string("job_id")) {
    record.job = JobId::parse(*text);
    if (!record.job) in.fault("job_id", "it is no id of a job");
  }
  record.error = in.string("error").value_or("");
  return record;
}

/// The member of that name, or null.
json::value member(const json::value& document, std::string_view name) {
  const auto* found = document.is_object() ? document.get_object().if_contains(name) : nullptr;
  return found ? *found : json::value();
}

Error damaged(const char* what, const std::vector<Fault>& faults) {
  const auto& first = faults.front();
  return Error{ErrorCode::store_damaged, std::string("its ") + what + ": " + first.pointer + ": " + first.detail};
}

Result<void> read_spec(const Text& text, ScheduleRecord& record) {
  const auto document = parse_stored(*text);
  auto spec = schedule::read_spec(member(document, "spec"));
  if (!spec.value) return damaged("spec cannot be read", spec.faults);
  record.spec = std::move(*spec.value);
  std::vector<Fault> faults;
  DocumentReader in(document, "#", faults);
  record.created_at = in.time("created_at").value_or(Timestamp{});
  record.updated_at = in.time("updated_at").value_or(record.created_at);
  if (!faults.empty()) return damaged("spec cannot be read", faults);
  return {};
}

Result<void> read_state(const Text& text, ScheduleRecord& record) {
  const auto document = parse_stored(*text);
  auto state = schedule::read_state(member(document, "state"));
  if (!state.value) return damaged("state cannot be read", state.faults);
  record.state = std::move(*state.value);
  std::vector<Fault> faults;
  DocumentReader in(document, "#", faults);
  in.objects("recent", [&](DocumentReader& element) { record.recent.push_back(read_firing_record(element)); });
  if (!faults.empty()) return damaged("state cannot be read", faults);
  return {};
}

}  // namespace

Setting spec_to_setting(const ScheduleRecord& record) {
  json::object out;
  out["spec"] = schedule::to_json(record.spec);
  out["created_at"] = to_rfc3339(record.created_at);
  out["updated_at"] = to_rfc3339(record.updated_at);
  return {spec_setting, record.spec.name, text_of(out)};
}

Setting state_to_setting(const ScheduleRecord& record) {
  json::object out;
  out["state"] = schedule::to_json(record.state);
  auto& recent = (out["recent"] = json::array()).get_array();
  for (const auto& firing : record.recent) recent.push_back(to_json(firing));
  return {state_setting, record.spec.name, text_of(out)};
}

Result<ScheduleRecord> read_record(const Text& spec, const Text& state) {
  ScheduleRecord record;
  try {
    if (auto read = read_spec(spec, record); !read) return read.error();
    if (state) {
      if (auto read = read_state(state, record); !read) return read.error();
    }
  } catch (const Failure& failure) {
    return failure.error();
  }
  return record;
}

}  // namespace coremachine::runtime
