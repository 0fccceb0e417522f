#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include <coremachine/model/error.hpp>

#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

enum class Format : std::uint8_t { table, json, jsonl };

/// `table`, `json` or `jsonl`.
std::optional<Format> format_from(std::string_view text);

/// Indented by two, for people.
std::string pretty(const boost::json::value& value);
std::string compact(const boost::json::value& value);

/// Prints one value on standard output: indented for `table` and `json`, on one line for `jsonl`.
void print_value(Format format, const boost::json::value& value);
/// Prints rows under a head, columns aligned, on standard output. What does not print is shown as `?`: a value must not
/// be able to steer the terminal.
void print_table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);
/// What could not be written to standard output; `main` ends the program by it.
struct OutputLost {
  ExitCode code;
  std::string why;  ///< empty: nobody is to be told, for whoever read has left
};
/// Writes what was printed so far. Throws OutputLost where that is not possible any more.
void flush_output();

/// `coremachine: …` on standard error.
void print_error(const Error& error);
void print_error(std::string_view message);

/// Whether somebody watches standard error on a terminal that can draw: TERM=dumb cannot.
bool terminal_on_stderr();

/// With `?` in place of control characters.
std::string printable(std::string_view text);

/// 1234567 → `1,234,567`.
std::string grouped(std::uint64_t number);

}  // namespace coremachine::cli
