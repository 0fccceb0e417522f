#include "handlers/gdal/web_listing.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace coremachine::builtin {

namespace {

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

unsigned value_of(char c) {
  return c <= '9' ? static_cast<unsigned>(c - '0') : (static_cast<unsigned>(c) & 0xDFU) - 'A' + 10U;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      decoded.push_back(static_cast<char>(value_of(text[i + 1]) * 16 + value_of(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

/// Directly in the directory: without a scheme, a root, a query, an anchor, or a way up.
bool leads_inside(std::string_view link) {
  if (link.empty() || link.find_first_of("?#:\\") != std::string_view::npos || link.starts_with('.')) return false;
  const auto slash = link.find('/');
  return slash == std::string_view::npos || (slash > 0 && slash + 1 == link.size());
}

}  // namespace

std::vector<std::string> names_in_web_listing(std::string_view html) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  constexpr std::string_view word = "href=";
  const auto is_same_letter = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  for (auto from = html.begin();;) {
    const auto found = std::search(from, html.end(), word.begin(), word.end(), is_same_letter);
    if (found == html.end()) return names;
    from = found + static_cast<std::ptrdiff_t>(word.size());
    if (from == html.end() || (*from != '"' && *from != '\'')) continue;
    const auto end = std::find(from + 1, html.end(), *from);
    if (end == html.end()) return names;
    std::string link(from + 1, end);
    from = end;
    replace_all(link, "&amp;", "&");
    if (link.starts_with("./")) link.erase(0, 2);
    if (!leads_inside(link)) continue;
    auto name = percent_decoded(link);
    // What was encoded may be a way out too.
    const bool is_plain = name.find('\0') == std::string::npos && name.find('/') >= name.size() - 1 && name != "../";
    if (is_plain && name != ".." && seen.insert(name).second) names.push_back(std::move(name));
  }
}

}  // namespace coremachine::builtin
