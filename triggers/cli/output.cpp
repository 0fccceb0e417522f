#include "triggers/cli/output.hpp"

#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/model/json_text.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

void indent(std::string& out, const json::value& value, std::size_t depth) {
  const auto margin = [&](std::size_t by) { out += '\n' + std::string(2 * by, ' '); };
  if (const auto* object = value.if_object(); object && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : *object) {
      if (!std::exchange(first, false)) out += ',';
      margin(depth + 1);
      append_json(out, json::value(key));
      out += ": ";
      indent(out, member, depth + 1);
    }
    margin(depth);
    out += '}';
  } else if (const auto* array = value.if_array(); array && !array->empty()) {
    out += '[';
    bool first = true;
    for (const auto& element : *array) {
      if (!std::exchange(first, false)) out += ',';
      margin(depth + 1);
      indent(out, element, depth + 1);
    }
    margin(depth);
    out += ']';
  } else {
    append_json(out, value);
  }
}

/// Whether standard output is a pipe or a socket that nobody reads any more.
bool reader_is_gone() {
  pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

/// Characters of UTF-8, each taken to be one column wide.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return out;
}

std::optional<Format> format_from(std::string_view text) {
  if (text == "table") return Format::table;
  if (text == "json") return Format::json;
  if (text == "jsonl") return Format::jsonl;
  return std::nullopt;
}

std::string pretty(const json::value& value) {
  std::string out;
  indent(out, value, 0);
  return out;
}

std::string compact(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

void print_value(Format format, const json::value& value) {
  std::printf("%s\n", (format == Format::jsonl ? compact(value) : pretty(value)).c_str());
}

void print_table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& name : head) widths.push_back(columns_of(name));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += printable(cells[i]);
      if (i + 1 < cells.size()) out += std::string(widths[i] - columns_of(cells[i]) + 2, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    std::printf("%s\n", out.c_str());
  };
  line(head);
  for (const auto& row : rows) line(row);
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  // An earlier write may be the one that failed, and what it failed with is forgotten.
  const int reason = errno;
  if (reason == EPIPE || reader_is_gone()) throw OutputLost{ExitCode::nobody_reads, {}};
  throw OutputLost{
      ExitCode::not_written,
      "cannot write the output" + (reason == 0 ? std::string() : ": " + std::string(std::strerror(reason)))};
}

void print_error(std::string_view message) {
  std::fprintf(stderr, "coremachine: %.*s\n", static_cast<int>(message.size()), message.data());
}

void print_error(const Error& error) {
  if (error.faults.size() < 2) return print_error(std::string(to_string(error.code)) + ": " + error.message);
  print_error(std::string(to_string(error.code)) + ": " + std::to_string(error.faults.size()) +
              " faults in the params");
  for (const auto& fault : error.faults)
    print_error("  " + (fault.pointer.empty() ? std::string("the params") : fault.pointer) + " " + fault.detail);
}

bool terminal_on_stderr() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term && *term && std::string_view(term) != "dumb";
}

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

}  // namespace coremachine::cli
