#include "triggers/cli/client/event_reader.hpp"

#include <algorithm>
#include <charconv>

namespace coremachine::cli {

std::vector<StreamEvent> EventReader::feed(std::string_view bytes) {
  std::vector<StreamEvent> events;
  for (const char c : bytes) {
    const bool second_half = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      take_line(events);
    } else {
      line_ += c;
    }
  }
  return events;
}

void EventReader::restart() {
  EventReader anew;
  anew.id_ = last_id_;
  anew.last_id_ = std::move(last_id_);
  anew.retry_ms_ = retry_ms_;
  *this = std::move(anew);
}

void EventReader::take_line(std::vector<StreamEvent>& out) {
  std::string line;
  line.swap(line_);
  if (first_line_ && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
  first_line_ = false;
  if (!line.empty()) {
    const std::string_view text(line);
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return take_field(text, {});
    auto value = text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    return take_field(text.substr(0, colon), value);
  }
  // Not before the event is whole: what is asked for after a break is what comes after the last one that was told.
  last_id_ = id_;
  if (has_data_) out.push_back({last_id_, name_.empty() ? "message" : name_, data_});
  name_.clear();
  data_.clear();
  has_data_ = false;
}

void EventReader::take_field(std::string_view name, std::string_view value) {
  if (name == "event") {
    name_ = value;
  } else if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (name == "id") {
    if (std::none_of(value.begin(), value.end(), [](char c) { return c == '\0'; })) id_ = value;
  } else if (name == "retry") {
    std::uint32_t ms = 0;
    const auto [at, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error == std::errc() && at == value.data() + value.size()) retry_ms_ = ms;
  }
}

}  // namespace coremachine::cli
