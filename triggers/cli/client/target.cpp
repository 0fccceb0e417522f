#include "triggers/cli/client/target.hpp"

#include "core/model/percent.hpp"

namespace coremachine::cli {

Target::Target(std::initializer_list<std::string_view> segments) {
  for (auto segment : segments) {
    text_ += '/';
    if (segment.starts_with('$')) {
      text_ += '$';
      segment.remove_prefix(1);
    }
    text_ += percent_encoded(segment);
  }
}

Target& Target::with(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += has_query_ ? '&' : '?';
  has_query_ = true;
  text_ += percent_encoded(name);
  text_ += '=';
  text_ += percent_encoded(value);
  return *this;
}

}  // namespace coremachine::cli
