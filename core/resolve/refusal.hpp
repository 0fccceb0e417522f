#pragma once

#include <string>
#include <utility>

#include <coremachine/model/error.hpp>

namespace coremachine::resolve {

inline Error unresolvable(std::string message) {
  return Error{ErrorCode::unresolvable, std::move(message)};
}

}  // namespace coremachine::resolve
