#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

/// What the head says of what follows it.
struct Framing {
  std::optional<std::uint64_t> length = {};  ///< of the body, by Content-Length
  bool chunked = false;                      ///< the body is; then there is no length
  bool expects_continue = false;

  bool has_body() const { return chunked || length.value_or(0) > 0; }
};

bool is_known_method(std::string_view method);

/// Judges a whole head, line by line sound already: what must be there once, what must not be there together, and how
/// the body is framed. Sets `keep_alive` and `id` of the request, and takes its target to origin form.
std::optional<Refusal> judge_head(Request& request, Framing& framing);

}  // namespace coremachine::http
