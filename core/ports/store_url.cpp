#include "core/ports/store_url.hpp"

namespace coremachine {
namespace {

/// Cuts off what is before `mark`, and the mark; all of it if there is none.
std::string_view take_until(std::string_view& text, char mark) {
  std::size_t length = 0;
  while (length < text.size() && text[length] != mark) ++length;
  const auto taken = text.substr(0, length);
  text.remove_prefix(length < text.size() ? length + 1 : length);
  return taken;
}

bool is_secret(std::string_view parameter) {
  const auto name = take_until(parameter, '=');
  // A name may be written with escapes; whoever does so has something to hide.
  return name == "password" || name == "sslpassword" || name.find('%') != std::string_view::npos;
}

}  // namespace

std::string without_password(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  std::string shown(url.substr(0, scheme + 3));
  auto rest = url.substr(scheme + 3);
  // A password may have an @, a / or a ? in it that should have been escaped: what counts is the last @ of all.
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    auto user = rest.substr(0, at);
    shown.append(take_until(user, ':')) += '@';
    rest.remove_prefix(at + 1);
  }
  shown.append(take_until(rest, '?'));
  for (char before = '?'; !rest.empty();) {
    const auto parameter = take_until(rest, '&');
    if (is_secret(parameter)) continue;
    (shown += before).append(parameter);
    before = '&';
  }
  return shown;
}

}  // namespace coremachine
