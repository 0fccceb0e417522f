#include "triggers/cli/commands/listing.hpp"

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands/client_command.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

std::string cursor_after(const json::value& list) {
  const auto* object = list.if_object();
  const auto* next = object ? object->if_contains("next_cursor") : nullptr;
  const auto* text = next ? next->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

}  // namespace

std::string cell_of(const json::object& object, std::string_view path) {
  const auto dot = path.find('.');
  const auto* value = object.if_contains(path.substr(0, dot));
  if (!value || value->is_null()) return {};
  if (dot != std::string_view::npos)
    return value->is_object() ? cell_of(value->get_object(), path.substr(dot + 1)) : std::string();
  if (value->is_string()) return std::string(value->get_string());
  const auto* array = value->if_array();
  if (!array) return compact(*value);
  std::string text;
  for (const auto& element : *array) {
    if (!text.empty()) text += ",";
    text += element.is_string() ? std::string(element.get_string()) : compact(element);
  }
  return text;
}

Column column(std::string head, std::string path) {
  return {std::move(head), [path = std::move(path)](const json::object& object) { return cell_of(object, path); }};
}

Column time_column(std::string head, std::string path) {
  return {std::move(head), [path = std::move(path)](const json::object& object) {
            auto text = cell_of(object, path);
            // 2026-01-31T12:00:00.000Z
            if (text.size() != 24 || text[10] != 'T') return text;
            text[10] = ' ';
            return text.substr(0, 19) + "Z";
          }};
}

const json::array& items_of(const json::value& list) {
  static const json::array none;
  if (list.is_array()) return list.get_array();
  const auto* object = list.if_object();
  const auto* items = object ? object->if_contains("items") : nullptr;
  if (!items || !items->is_array())
    throw CommandFailure(ExitCode::unreachable, "the server's answer is no list", {"is it of another version?"});
  return items->get_array();
}

void print_list(Format format, const json::value& list, const std::vector<Column>& columns) {
  switch (format) {
    case Format::json: print_value(format, list); break;
    case Format::jsonl:
      for (const auto& item : items_of(list)) print_value(format, item);
      break;
    case Format::table: {
      std::vector<std::string> head;
      for (const auto& each : columns) head.push_back(each.head);
      std::vector<std::vector<std::string>> rows;
      for (const auto& item : items_of(list)) {
        rows.emplace_back();
        const auto* object = item.if_object();
        for (const auto& each : columns) rows.back().push_back(object ? each.cell(*object) : std::string());
      }
      print_table(head, rows);
      break;
    }
  }
}

void add_page_options(CLI::App& command, PageArguments& page) {
  command.add_option("--limit", page.limit, "The most to list, up to 200 (default: 50)")->type_name("N");
  command.add_option("--cursor", page.cursor, "Go on where another list ended")->type_name("CURSOR");
  command.add_flag("--all", page.all, "All pages");
}

void print_pages(Api& api, const Target& target, const PageArguments& page, const SettingValues& settings,
                 const std::vector<Column>& columns) {
  auto cursor = page.cursor;
  const auto fetch = [&] {
    auto at = target;
    return api.get(at.with("limit", page.limit.empty() && page.all ? "200" : page.limit).with("cursor", cursor));
  };
  auto list = fetch();
  cursor = cursor_after(list);
  // Lines need not wait for the last page.
  const bool at_once = settings.format() == Format::jsonl;
  while (page.all && !cursor.empty()) {
    if (at_once) {
      print_list(Format::jsonl, list, columns);
      flush_output();  // who has read enough needs no further page
    }
    auto next = fetch();
    cursor = cursor_after(next);
    if (at_once) {
      list = std::move(next);
      continue;
    }
    auto& items = list.as_object().at("items").as_array();
    for (const auto& item : items_of(next)) items.push_back(item);
    list.as_object()["next_cursor"] = nullptr;
  }
  print_list(settings.format(), list, columns);
  if (!cursor.empty() && settings.format() != Format::json)
    hint(settings, "there are more: --all lists them, --cursor " + cursor + " goes on from here");
}

}  // namespace coremachine::cli
