#include "core/model/suggest.hpp"

#include <algorithm>
#include <utility>

namespace coremachine {

namespace {

constexpr std::size_t most_suggestions = 3;
constexpr std::size_t longest_name = 128;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Insertions, deletions, replacements and swaps of neighbours that make one name of the other, whatever the case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_up(b.size() + 1);
  std::vector<std::size_t> up(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) up[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = lower(a[i - 1]);
      const char y = lower(b[j - 1]);
      row[j] = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (x == y ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y;
      if (swapped) row[j] = std::min(row[j], two_up[j - 2] + 1);
    }
    std::swap(two_up, up);
    std::swap(up, row);
  }
  return up[b.size()];
}

}  // namespace

std::vector<std::string_view> nearest_names(std::string_view name, const std::vector<std::string_view>& known) {
  const auto asked = name.substr(0, longest_name);
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  ranked.reserve(known.size());
  for (const auto candidate : known) ranked.emplace_back(edit_distance(asked, candidate), candidate);
  std::sort(ranked.begin(), ranked.end());

  std::vector<std::string_view> nearest;
  for (const auto& [distance, candidate] : ranked) {
    // What is much further off than the best guess only distracts from it.
    if (nearest.size() == most_suggestions || distance > ranked.front().first + 2) break;
    nearest.push_back(candidate);
  }
  return nearest;
}

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name.substr(0, longest_name)) text.push_back(c > ' ' && c < '\x7f' && c != '"' ? c : '?');
  text.append(name.size() > longest_name ? "…\"" : "\"");
  return text;
}

std::string describe_unknown(std::string_view kind, std::string_view name, const std::vector<std::string_view>& known) {
  std::string text = "unknown ";
  text.append(kind).append(" ").append(quoted_name(name)).append("; ");
  if (known.empty()) return text.append("no ").append(kind).append("s are registered");
  text.append("nearest: ");
  bool first = true;
  for (const auto candidate : nearest_names(name, known)) {
    if (!first) text.append(", ");
    first = false;
    text.append(candidate);
  }
  return text;
}

}  // namespace coremachine
