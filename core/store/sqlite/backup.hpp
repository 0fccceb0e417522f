#pragma once

#include <string>

#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

/// Copies what `from` sees into a new file at `to`, durable when it returns. invalid_argument if there is something at
/// `to` already; after any error nothing is left there.
Result<void> copy_database(Connection& from, const std::string& to, const std::string& vfs);

}  // namespace coremachine::sqlite
