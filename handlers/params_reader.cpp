#include "handlers/params_reader.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>

#include "core/model/utf8.hpp"

namespace coremachine::builtin {

namespace {

constexpr std::string_view text_due = "a string";
constexpr std::string_view non_empty_due = "a string that is not empty";

std::string in_words(IntegerRange range) {
  if (range.highest == INT64_MAX) return "an integer of at least " + std::to_string(range.lowest);
  return "an integer from " + std::to_string(range.lowest) + " to " + std::to_string(range.highest);
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text.append(separator);
    text.append(part);
  }
  return text;
}

std::string cut(std::string text, std::size_t longest) {
  for (auto at = find_invalid_utf8(text); at != std::string::npos; at = find_invalid_utf8(text)) text[at] = '?';
  if (text.size() <= longest) return text;
  auto end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside of a character
  text.resize(end);
  return text + "…";
}

}  // namespace

std::string ParamsReader::text(std::string_view name, std::optional<std::string> fallback) {
  const auto* value = any(name);
  if (value && value->is_string()) return std::string(value->get_string());
  if (value) {
    add_fault(name, *value, text_due);
  } else if (!fallback) {
    add_missing(name, text_due);
  }
  return fallback.value_or(std::string());
}

std::string ParamsReader::non_empty_text(std::string_view name) {
  const auto* value = any(name);
  if (value && value->is_string() && !value->get_string().empty()) return std::string(value->get_string());
  if (value) {
    add_fault(name, *value, non_empty_due);
  } else {
    add_missing(name, non_empty_due);
  }
  return {};
}

std::int64_t ParamsReader::integer(std::string_view name, IntegerRange range, std::optional<std::int64_t> fallback) {
  const auto* value = any(name);
  if (value && value->is_number()) {
    json::error_code not_exact;  // 3.0 is an integer as JSON Schema has it, 3.5 and 2^64 are none
    const auto number = value->to_number<std::int64_t>(not_exact);
    if (!not_exact && number >= range.lowest && number <= range.highest) return number;
  }
  if (value) {
    add_fault(name, *value, in_words(range));
  } else if (!fallback) {
    add_missing(name, in_words(range));
  }
  return fallback.value_or(range.lowest);
}

const json::value* ParamsReader::any(std::string_view name) {
  known_.emplace_back(name);
  return params_.if_contains(name);
}

void ParamsReader::add_fault(std::string_view name, const json::value& value, std::string_view due) {
  faults_.push_back(std::string(name) + ": is " + shortened(value) + ", should be " + std::string(due));
}

void ParamsReader::add_missing(std::string_view name, std::string_view due) {
  faults_.push_back(std::string(name) + ": is missing, should be " + std::string(due));
}

std::optional<std::string> ParamsReader::fault(std::string_view owner) const {
  auto faults = faults_;
  for (const auto& member : params_) {
    const std::string name(member.key());
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    faults.push_back(shortened(json::value(name)) + ": is not known, should be one of " + joined(known_, ", "));
  }
  if (faults.empty()) return std::nullopt;
  return "the params of " + std::string(owner) + " do not fit: " + joined(faults, "; ");
}

void refuse_params(std::string message) {
  throw TaskFailure{.type = "invalid_params", .message = std::move(message), .kind = TaskFailure::Kind::permanent};
}

void require_fit(const ParamsReader& reader, std::string_view task_type) {
  if (auto fault = reader.fault(task_type)) refuse_params(std::move(*fault));
}

std::string shortened(const json::value& value) {
  return cut(json::serialize(value), 60);
}

std::string quoted_path(const std::string& path) {
  return cut(json::serialize(json::value(path)), 1000);
}

}  // namespace coremachine::builtin
