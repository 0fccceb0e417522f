#include "core/schedule/document_reader.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

namespace coremachine::schedule {

namespace {

/// A name as it stands in a pointer.
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') {
      out.append("~0");
    } else if (c == '/') {
      out.append("~1");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

DocumentReader::DocumentReader(const json::value& document, std::string pointer, std::vector<Fault>& faults)
    : members_(document.if_object()), pointer_(std::move(pointer)), faults_(faults) {
  if (members_ == nullptr) fault("", "it is no object");
}

std::string DocumentReader::pointer_to(std::string_view name) const {
  return name.empty() ? pointer_ : pointer_ + "/" + std::string(name);
}

void DocumentReader::fault(std::string_view name, std::string detail) {
  faults_.push_back({pointer_to(name), std::move(detail)});
}

const json::value* DocumentReader::find(std::string_view name) {
  if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) asked_.emplace_back(name);
  const auto* value = members_ == nullptr ? nullptr : members_->if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool DocumentReader::has(std::string_view name) {
  return find(name) != nullptr;
}

void DocumentReader::require(std::string_view name) {
  if (members_ != nullptr && !has(name)) fault(name, "it is missing");
}

std::optional<std::string> DocumentReader::string(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->if_string()) return std::string(*text);
  fault(name, "it is no string");
  return std::nullopt;
}

std::optional<bool> DocumentReader::boolean(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* flag = value->if_bool()) return *flag;
  fault(name, "it is neither true nor false");
  return std::nullopt;
}

std::optional<std::int64_t> DocumentReader::integer(std::string_view name, std::int64_t low, std::int64_t high) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  // One without sign is one that no longer fits 63 bits, or was never text.
  const bool whole = value->is_int64() || value->is_uint64();
  boost::system::error_code does_not_fit;
  const auto number = whole ? value->to_number<std::int64_t>(does_not_fit) : 0;
  if (whole && !does_not_fit && number >= low && number <= high) return number;
  fault(name, whole ? "it is not from " + std::to_string(low) + " to " + std::to_string(high) : "it is no integer");
  return std::nullopt;
}

std::optional<Timestamp> DocumentReader::time(std::string_view name) {
  const auto text = string(name);
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) fault(name, "it is no time; 2026-01-31T12:00:00Z would be one");
  return time;
}

std::optional<Milliseconds> DocumentReader::duration(std::string_view name) {
  const auto text = string(name);
  if (!text) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (!duration) fault(name, "it is no duration of at most 100 years; 90s, 15m or 1.5h would be one");
  return duration;
}

const json::object* DocumentReader::object(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* object = value->if_object()) return object;
  fault(name, "it is no object");
  return nullptr;
}

const json::array* DocumentReader::list(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* array = value->if_array()) return array;
  fault(name, "it is no array");
  return nullptr;
}

std::vector<std::string> DocumentReader::strings(std::string_view name) {
  std::vector<std::string> texts;
  const auto* array = list(name);
  if (array == nullptr) return texts;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto* text = (*array)[i].if_string();
    if (text == nullptr) fault(std::string(name) + "/" + std::to_string(i), "it is no string");
    texts.push_back(text == nullptr ? std::string() : std::string(*text));
  }
  return texts;
}

void DocumentReader::refuse_others() {
  if (members_ == nullptr) return;
  std::string known;
  for (const auto& name : asked_) known.append(known.empty() ? "" : ", ").append(name);
  for (const auto& member : *members_) {
    const std::string_view name(member.key().data(), member.key().size());
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    fault(escaped(name), "it does not belong here; what may is " + known);
  }
}

}  // namespace coremachine::schedule
