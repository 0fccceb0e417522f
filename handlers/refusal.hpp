#pragma once

#include <string>

namespace coremachine::builtin {

/// How a task handler refuses params that fit their schema and still mean nothing: no further attempt would help.
[[noreturn]] void refuse_params(std::string message);

/// A path as it may stand in a message: valid UTF-8, and not endless.
std::string quoted_path(const std::string& path);

}  // namespace coremachine::builtin
