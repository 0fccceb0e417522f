#include "handlers/refusal.hpp"

#include <utility>

#include <boost/json/serialize.hpp>
#include <coremachine/registry/task_handler.hpp>

#include "core/model/utf8.hpp"

namespace coremachine::builtin {

void refuse_params(std::string message) {
  throw TaskFailure{.type = "invalid_params", .message = std::move(message), .kind = TaskFailure::Kind::permanent};
}

std::string quoted_path(const std::string& path) {
  constexpr std::size_t longest = 1000;
  auto text = json::serialize(json::value(path));
  for (auto at = find_invalid_utf8(text); at != std::string::npos; at = find_invalid_utf8(text)) text[at] = '?';
  if (text.size() <= longest) return text;
  auto end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside of a character
  text.resize(end);
  return text + "…";
}

}  // namespace coremachine::builtin
