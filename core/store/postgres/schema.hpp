#pragma once

#include <string>
#include <vector>

#include "core/store/postgres/connection.hpp"

namespace coremachine::postgres {

/// The schema that this program knows.
int newest_version();

/// Makes a schema that is new, or one that is older, into what this program expects, and looks at one that is not.
/// Servers that do so at the same time take turns.
/// Failure: store_missing if it must exist and does not, store_damaged for what is no store or is broken,
/// invalid_argument for one of a newer program.
void prepare_schema(Connection& connection, const Target& target, bool must_exist);

/// What is wrong with it; one line each.
std::vector<std::string> check_schema(Connection& connection, const Target& target);

}  // namespace coremachine::postgres
