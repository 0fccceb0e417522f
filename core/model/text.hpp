#pragma once

#include <memory>
#include <string>

namespace coremachine {

/// Immutable JSON text that travels from the author's code to the store without a copy. Never null where it is due.
using Text = std::shared_ptr<const std::string>;

inline Text make_text(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace coremachine
