#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

/// Marks a file as ours, so that no other database is taken for a store: "CMac".
inline constexpr std::int64_t application_id = 0x434D6163;

/// The schema that this program knows.
int newest_version();

/// Makes a file that is new, or one that is older, into what this program expects, and looks at one that is not.
/// Failure: store_damaged for what is no store or is broken, invalid_argument for one of a newer program.
void prepare_schema(Connection& connection, const std::string& path, bool must_exist);

/// What is wrong with the file; one line each, at most `limit`. Quick: without comparing indexes with their tables.
enum class CheckDepth : std::uint8_t { quick, full };
std::vector<std::string> check_pages(Connection& connection, CheckDepth depth, int limit);

}  // namespace coremachine::sqlite
