#include "handlers/container.hpp"

#include <algorithm>

namespace coremachine::builtin {

std::unique_ptr<Container> open_container(const std::string& name) {
  return name.starts_with("/vsi") ? open_virtual_container(name) : open_directory(name);
}

bool stays_inside(std::string_view name) {
  if (name.starts_with('/')) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return name.find('\0') == std::string_view::npos;
}

void NameList::add(std::string_view name, bool is_directory) {
  starts_.push_back(text_.size());
  text_.append(name);
  if (is_directory) text_.push_back('/');
  text_.push_back('\0');
}

void NameList::sort() {
  std::sort(starts_.begin(), starts_.end(), [this](std::size_t a, std::size_t b) {
    return std::string_view(text_.data() + a) < std::string_view(text_.data() + b);
  });
}

}  // namespace coremachine::builtin
