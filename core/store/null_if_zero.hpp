#pragma once

#include <cstdint>

namespace coremachine::tables {

/// A number that is NULL in a table if it is 0.
struct NullIfZero {
  std::uint64_t value;
};

}  // namespace coremachine::tables
