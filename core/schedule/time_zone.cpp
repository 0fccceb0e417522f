#include "core/schedule/time_zone.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace coremachine::schedule {

struct TimeZone::Table {
  std::string name;
  Seconds before{0};              // until the first change
  std::vector<Instant> changes;   // ascending
  std::vector<Seconds> offsets;   // from each of them on
  std::optional<PosixRule> rule;  // from the last of them on
};

namespace {

constexpr std::size_t longest_name = 128;
constexpr std::uint32_t most_changes = 20'000;
/// How far from UTC a zone may be. RFC 9636 allows 25 hours west and 26 east.
constexpr Seconds farthest_west{-25 * 3600};
constexpr Seconds farthest_east{26 * 3600};

struct Damage {
  const char* what;
};

/// Takes big-endian numbers off the front of bytes that may end too early.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) throw Damage{"it ends too early"};
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1).front()); }
  std::uint32_t four() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t eight() { return number(8); }
  std::string_view rest() const { return bytes_; }

 private:
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  std::string_view bytes_;
};

struct Header {
  std::uint32_t utc_flags = 0;
  std::uint32_t standard_flags = 0;
  std::uint32_t leap_seconds = 0;
  std::uint32_t changes = 0;
  std::uint32_t types = 0;
  std::uint32_t characters = 0;
};

Header read_header(Bytes& in) {
  if (in.take(4) != "TZif") throw Damage{"it does not begin with TZif"};
  const auto version = in.byte();
  if (version == 0) throw Damage{"it is of version 1, which ends in 2038; 2 or later is needed"};
  if (version < '2') throw Damage{"its version is none"};
  in.take(15);
  Header header;
  header.utc_flags = in.four();
  header.standard_flags = in.four();
  header.leap_seconds = in.four();
  header.changes = in.four();
  header.types = in.four();
  header.characters = in.four();
  return header;
}

/// The first block, with times of 32 bits, for readers of old.
void skip_first_block(Bytes& in) {
  const auto header = read_header(in);
  const auto size = std::uint64_t{header.changes} * 5 + std::uint64_t{header.types} * 6 + header.characters +
                    std::uint64_t{header.leap_seconds} * 8 + header.standard_flags + header.utc_flags;
  in.take(size);
}

std::vector<Instant> read_changes(Bytes& in, std::uint32_t count) {
  std::vector<Instant> changes;
  changes.reserve(count);
  std::int64_t last = INT64_MIN;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto time = static_cast<std::int64_t>(in.eight());
    if (i > 0 && time <= last) throw Damage{"its changes are not in order"};
    last = time;
    // Some files begin with the Big Bang.
    changes.push_back(
        Instant{std::clamp(Seconds{time}, beginning_of_time.time_since_epoch(), end_of_time.time_since_epoch())});
  }
  return changes;
}

std::vector<Seconds> read_types(Bytes& in, const Header& header) {
  std::vector<Seconds> offsets;
  offsets.reserve(header.types);
  for (std::uint32_t i = 0; i < header.types; ++i) {
    const Seconds offset{static_cast<std::int32_t>(in.four())};
    if (offset < farthest_west || offset > farthest_east) throw Damage{"an offset is more than a day"};
    offsets.push_back(offset);
    const auto daylight = in.byte();
    const auto designation = in.byte();
    if (daylight > 1 || designation >= header.characters) throw Damage{"a type of local time is malformed"};
  }
  return offsets;
}

std::optional<PosixRule> read_footer(std::string_view rest) {
  if (rest.size() < 2 || rest.front() != '\n' || rest.find('\n', 1) != rest.size() - 1) {
    throw Damage{"the rule at its end is missing or cut off"};
  }
  const auto text = rest.substr(1, rest.size() - 2);
  if (text.empty()) return std::nullopt;
  auto rule = PosixRule::parse(text);
  if (!rule) throw Damage{"the rule at its end is malformed"};
  return rule;
}

TimeZone::Table read_table(std::string_view bytes) {
  Bytes in(bytes);
  skip_first_block(in);
  const auto header = read_header(in);
  if (header.leap_seconds != 0) throw Damage{"it counts leap seconds; take the zone without \"right/\""};
  if (header.changes > most_changes) throw Damage{"it has too many changes"};
  if (header.types == 0 || header.types > 256) throw Damage{"the number of its types is wrong"};

  TimeZone::Table table;
  table.changes = read_changes(in, header.changes);
  const auto indexes = in.take(header.changes);
  const auto types = read_types(in, header);
  for (const char c : indexes) {
    const auto index = static_cast<std::uint8_t>(c);
    if (index >= types.size()) throw Damage{"a change names no type"};
    table.offsets.push_back(types[index]);
  }
  table.before = types.front();
  in.take(std::size_t{header.characters} + header.standard_flags + header.utc_flags);
  table.rule = read_footer(in.rest());
  return table;
}

CivilTime civil(Instant time, Seconds offset) {
  return CivilTime{time.time_since_epoch() + offset};
}

}  // namespace

bool is_valid_zone_name(std::string_view name) {
  if (name.size() > longest_name) return false;
  bool part_begins = true;
  for (const char c : name) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
    if (c == '/' ? part_begins : !fits) return false;
    part_begins = c == '/';
  }
  return !part_begins;
}

TimeZone TimeZone::utc() {
  static const auto table = std::make_shared<const Table>(Table{"UTC", Seconds{0}, {}, {}, {}});
  return TimeZone(table);
}

Result<TimeZone> TimeZone::parse(std::string name, std::string_view bytes) {
  try {
    auto table = read_table(bytes);
    table.name = std::move(name);
    return TimeZone(std::make_shared<const Table>(std::move(table)));
  } catch (const Damage& damage) {
    return Error{ErrorCode::invalid_argument, "the file of the time zone " + name + " cannot be used: " + damage.what};
  }
}

const std::string& TimeZone::name() const {
  return table_->name;
}

Span TimeZone::span_at(Instant time) const {
  const auto& changes = table_->changes;
  const auto next = std::upper_bound(changes.begin(), changes.end(), time);
  if (next == changes.end() && table_->rule) {
    auto span = table_->rule->span_at(time);
    if (!changes.empty()) span.begin = std::max(span.begin, changes.back());
    return span;
  }
  Span span{beginning_of_time, end_of_time, table_->before};
  if (next != changes.end()) span.end = *next;
  if (next != changes.begin()) {
    span.begin = *std::prev(next);
    span.offset = table_->offsets[static_cast<std::size_t>(next - changes.begin()) - 1];
  }
  return span;
}

LocalTime TimeZone::to_local(Timestamp time) const {
  const auto instant = std::chrono::floor<Seconds>(time);
  const auto offset = span_at(instant).offset;
  return LocalTime{civil(instant, offset), offset};
}

Instants TimeZone::to_instants(CivilTime time) const {
  // As if it were UTC; where it really is, is not farther from there than any zone is from UTC.
  const Instant guess{time.time_since_epoch()};
  Instants found{Instants::Count::none, {}, {}};
  bool skipped = false;
  for (auto span = span_at(guess - farthest_east); span.begin <= guess - farthest_west; span = span_at(span.end)) {
    const auto instant = guess - span.offset;
    if (instant >= span.begin && instant < span.end) {
      const bool again = found.count == Instants::Count::one;
      (again ? found.second : found.first) = instant;
      found.count = again ? Instants::Count::two : Instants::Count::one;
      if (again) break;
    } else if (instant < span.begin && found.count == Instants::Count::none && !skipped) {
      skipped = true;
      found.first = span.begin;
    }
    if (span.end >= end_of_time) break;
  }
  return found;
}

}  // namespace coremachine::schedule
