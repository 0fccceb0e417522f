#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <CLI/CLI.hpp>

#include "triggers/cli/client/api.hpp"
#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {

/// A column of a table of objects.
struct Column {
  std::string head;
  std::function<std::string(const boost::json::object&)> cell;
};

/// The member at a path (`error.message`) as text, `null` and what is missing as nothing.
std::string cell_of(const boost::json::object& object, std::string_view path);
/// The column that shows one member.
Column column(std::string head, std::string path);
/// A time to the second: `2026-01-31 12:00:00Z`.
Column time_column(std::string head, std::string path);

/// The items of a list as the server sends it: a plain array, or `{items, next_cursor}`.
const boost::json::array& items_of(const boost::json::value& list);

/// Prints a list: a row each, the list as it came, or a line each.
void print_list(Format format, const boost::json::value& list, const std::vector<Column>& columns);

/// How much of a list is wanted.
struct PageArguments {
  std::string limit;
  std::string cursor;
  bool all = false;
};
/// Adds `--limit`, `--cursor` and `--all`.
void add_page_options(CLI::App& command, PageArguments& page);
/// Fetches a page, or with `--all` all of them one after the other, and prints it; where there is more, a hint says how
/// to see it. With `-o jsonl` every page is printed as it comes.
void print_pages(Api& api, const Target& target, const PageArguments& page, const SettingValues& settings,
                 const std::vector<Column>& columns);

}  // namespace coremachine::cli
