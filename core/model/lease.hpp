#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/event.hpp"

namespace coremachine {

/// Tasks that a worker elsewhere was given: what is still to be heard of.
struct Lease {
  Slice slice = {};
  std::string task_type = {};
  std::string worker = {};  ///< empty: not known yet who has them
  std::string kind = {};    ///< how it is connected
  bool alone = false;       ///< one of them may be what ended a worker
};

/// The text under which a store keeps it, and back. Reading throws JsonMismatch.
std::string encode_lease(const Lease& lease);
Lease decode_lease(std::string_view text);

}  // namespace coremachine
