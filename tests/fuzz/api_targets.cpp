#include <algorithm>
#include <string>
#include <vector>

#include <coremachine/model/ids.hpp>
#include <coremachine/telemetry/trace.hpp>

#include "core/model/utf8.hpp"
#include "core/runtime/page_limits.hpp"
#include "tests/fuzz/targets.hpp"
#include "triggers/cli/config/config_file.hpp"
#include "triggers/http/api/byte_range.hpp"
#include "triggers/http/api/parameter.hpp"

namespace coremachine::fuzz {
namespace {

using namespace coremachine::http;

/// A parameter of each kind there is, under the names that routes give them.
const std::vector<Parameter>& declared() {
  using In = Parameter::In;
  using Kind = ParameterKind;
  static const std::vector<Parameter> all = {
      {.name = "priority", .kind = Kind::integer, .low = -100, .high = 100},
      {.name = "limit", .kind = Kind::integer, .low = 1, .high = 200},
      {.name = "after", .kind = Kind::integer, .low = 0},
      {.name = "n", .kind = Kind::integer},
      {.name = "wait", .kind = Kind::duration},
      {.name = "delay", .kind = Kind::duration},
      {.name = "timeout", .kind = Kind::duration},
      {.name = "run_at", .kind = Kind::time},
      {.name = "since", .kind = Kind::time},
      {.name = "tags", .kind = Kind::words},
      {.name = "status", .kind = Kind::choices, .choices = {"queued", "running", "completed"}},
      {.name = "order", .kind = Kind::choice, .choices = {"up", "down"}},
      {.name = "dry_run", .kind = Kind::flag},
      {.name = "q"},
      {.name = "cursor"},
      {.name = "Idempotency-Key", .kind = Kind::key, .in = In::header},
      {.name = "Last-Event-ID", .kind = Kind::integer, .low = 0, .in = In::header},
  };
  return all;
}

void check_integer(const Parameters& read, std::string_view name, std::int64_t low, std::int64_t high) {
  const auto number = read.integer(name);
  require(!number || (*number >= low && *number <= high), "an integer is within its bounds");
}

void check_values(const Parameters& read) {
  check_integer(read, "priority", -100, 100);
  check_integer(read, "limit", 1, 200);
  check_integer(read, "after", 0, INT64_MAX);
  check_integer(read, "Last-Event-ID", 0, INT64_MAX);
  for (const auto* name : {"wait", "delay", "timeout"}) {
    const auto duration = read.duration(name);
    require(!duration || (*duration >= Milliseconds{0} && *duration <= std::chrono::days{36'525}),
            "a duration is within its bounds");
  }
  for (const auto& tag : read.words("tags")) require(!tag.empty() && tag.size() <= 128, "a word is within its bounds");
  for (const auto& status : read.words("status")) {
    require(status == "queued" || status == "running" || status == "completed", "a choice is one of those there are");
  }
  if (const auto key = read.text("Idempotency-Key")) {
    require(!key->empty() && key->size() <= 255, "a key has a length");
    require(std::all_of(key->begin(), key->end(), [](char c) { return c >= ' ' && c <= '~'; }), "a key is printable");
  }
  if (const auto text = read.text("q")) require(!text->empty(), "an empty text counts as missing");
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7F; });
}

}  // namespace

// Up to the first line break it is a query, the next line an Idempotency-Key, the third one a Last-Event-ID.
void api_parameters(std::string_view bytes) {
  std::vector<std::string> lines{""};
  for (const char c : bytes) {
    if (c == '\n' && lines.size() < 3) {
      lines.emplace_back();
    } else {
      lines.back().push_back(c);
    }
  }
  const auto query = Query::parse(lines.front());
  if (!query) {
    require(!query.error().message.empty(), "a refusal says why");
    return;
  }
  Request request;
  if (lines.size() > 1) request.fields.push_back({"idempotency-key", lines[1]});
  if (lines.size() > 2) request.fields.push_back({"last-event-id", lines[2]});
  std::vector<ParameterFault> faults;
  const auto read = Parameters::read(declared(), *query, request, faults);
  check_values(read);
  for (const auto& fault : faults) {
    require(!fault.parameter.empty() && !fault.detail.empty(), "a fault has a name and says why");
    require(is_printable(fault.detail), "a message has no control characters");
  }
  const auto given = query->parameters().size() + request.fields.size();
  require(faults.size() <= given + declared().size(), "faults are no more than what was given");
  std::vector<ParameterFault> again;
  Parameters::read(declared(), *query, request, again);
  require(again == faults, "the same is read in the same way");
}

// The first line is a field, the second one an entity tag.
void field_values(std::string_view bytes) {
  const auto line_end = std::min(bytes.find('\n'), bytes.size());
  const auto field = bytes.substr(0, line_end);
  const auto tag = bytes.substr(std::min(line_end + 1, bytes.size()));
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, UINT64_MAX}) {
    const auto range = range_of(field, size);
    if (!range) continue;
    if (const auto* some = std::get_if<ByteRange>(&*range)) {
      require(some->count > 0 && some->first < size && some->count <= size - some->first, "a range is in its content");
      const auto text = "bytes=" + std::to_string(some->first) + "-" + std::to_string(some->first + (some->count - 1));
      require(range_of(text, size) == range, "a range that is written and read again is the same");
    }
  }
  if (!tag.empty()) {
    const bool named = names_tag(field, tag);
    const bool could = field.find(tag) != std::string_view::npos || field.find('*') != std::string_view::npos;
    require(!named || could, "a tag that is named is there");
  }
  require(names_tag("*", tag), "a star names all");
}

void traceparent(std::string_view bytes) {
  const auto parent = TraceParent::parse(bytes);
  if (!parent) return;
  const auto text = parent->str();
  require(text.size() == 55 && text.starts_with("00-"), "it is passed on in version 00");
  require(TraceParent::parse(text) == parent, "and is the same then");
  require(bytes.substr(3, 49) == text.substr(3, 49), "its ids are those that were there");
}

void cursor(std::string_view bytes) {
  if (const auto place = runtime::TaskCursor::parse(bytes)) {
    require(place->round > 0, "a round has a number");
    require(runtime::TaskCursor::parse(place->str()).has_value(), "a cursor comes back");
    require(runtime::TaskCursor::parse(place->str())->str() == place->str(), "and is the same");
    require(bytes.find_first_not_of("0123456789-") == std::string_view::npos, "a cursor is made of digits");
  }
  if (const auto job = JobId::parse(bytes)) require(JobId::parse(job->str()) == job, "so is that of a list of jobs");
}

void config_file(std::string_view bytes) {
  const auto file = cli::parse_config(bytes, "some/file.toml");
  if (!file) {
    const auto& message = file.error().message;
    require(message.starts_with("some/file.toml:"), "a refusal names the file");
    require(find_invalid_utf8(message) == std::string_view::npos, "and can be printed");
    return;
  }
  for (const auto& entry : file->values) {
    const auto& value = entry.second;
    const auto each = std::find_if(cli::settings().begin(), cli::settings().end(),
                                   [&](const cli::Setting& setting) { return setting.key == entry.first; });
    require(each != cli::settings().end(), "a key is known");
    require(value.line > 0, "a value has a line");
    require(cli::fits(*each, value.texts), "a value fits its setting");
  }
}

}  // namespace coremachine::fuzz
