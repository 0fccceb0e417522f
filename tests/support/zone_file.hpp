#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/schedule/schedule_codec.hpp"
#include "core/schedule/time_zone.hpp"

namespace coremachine::support {

inline Timestamp at(std::string_view text) {
  const auto time = schedule::parse_rfc3339(text);
  if (!time) throw std::invalid_argument("no time: " + std::string(text));
  return *time;
}

inline schedule::CivilTime civil(std::string_view text) {
  return schedule::CivilTime{std::chrono::floor<std::chrono::seconds>(at(std::string(text) + "Z")).time_since_epoch()};
}

/// What the clocks show, and how far that is from UTC: `2024-03-31T03:00:00+02:00`.
inline std::string shown(Timestamp time, const schedule::TimeZone& zone) {
  const auto local = zone.to_local(time);
  auto text = to_rfc3339(Timestamp{local.civil.time_since_epoch()}).substr(0, 19);
  const auto minutes = local.offset.count() / 60;
  const auto size = minutes < 0 ? -minutes : minutes;
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return text + (minutes < 0 ? "-" : "+") + two(size / 60) + ":" + two(size % 60);
}

/// The bytes of a TZif file of version 2.
struct ZoneFile {
  std::vector<std::pair<std::int64_t, std::uint8_t>> changes = {};  // when, and to which of the types
  std::vector<std::int32_t> types = {0};                            // offsets
  std::string footer = "UTC0";
  char version = '2';
  std::uint32_t leap_seconds = 0;

  std::string bytes() const {
    std::string out = header(0, 1) + std::string("\0\0\0\0\0\0", 6) + std::string("\0\0\0\0", 4);
    out += header(changes.size(), types.size());
    for (const auto& change : changes) out += number(static_cast<std::uint64_t>(change.first), 8);
    for (const auto& change : changes) out += static_cast<char>(change.second);
    for (const auto type : types) out += number(static_cast<std::uint32_t>(type), 4) + std::string("\0\0", 2);
    return out + std::string("LMT\0", 4) + "\n" + footer + "\n";
  }

 private:
  static std::string number(std::uint64_t value, int size) {
    std::string out;
    for (int i = size - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
    return out;
  }
  std::string header(std::size_t change_count, std::size_t type_count) const {
    return "TZif" + std::string(1, version) + std::string(15, '\0') + number(0, 4) + number(0, 4) +
           number(leap_seconds, 4) + number(change_count, 4) + number(type_count, 4) + number(4, 4);
  }
};

inline schedule::TimeZone zone_of(const ZoneFile& file, std::string name = "Test/Zone") {
  return schedule::TimeZone::parse(std::move(name), file.bytes()).value();
}

inline std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace coremachine::support
