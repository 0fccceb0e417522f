// What this room reads from files: the time zone database of the system.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "core/model/suggest.hpp"
#include "core/schedule/time_zone.hpp"

namespace coremachine::schedule {

namespace {

namespace fs = std::filesystem;

/// The largest file of the database has 4 KiB.
constexpr std::uintmax_t largest_file = 1 << 20;

fs::path database() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

/// The names of all zones. Copies of the database in other forms, and lists, begin with a small letter.
std::vector<std::string> known_zones(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code bad;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, bad);
  for (; !bad && entry != fs::recursive_directory_iterator(); entry.increment(bad)) {
    std::error_code unknown;
    const auto name = entry->path().lexically_relative(root).generic_string();
    const bool is_folder = entry->is_directory(unknown);
    if (!is_valid_zone_name(name) || (name.front() >= 'a' && name.front() <= 'z')) {
      if (is_folder) entry.disable_recursion_pending();
    } else if (!is_folder) {
      names.push_back(name);
    }
  }
  return names;
}

Error refused(std::string message) {
  return Error{ErrorCode::invalid_argument, std::move(message)};
}

Error unknown_zone(const fs::path& root, std::string_view name) {
  const auto zones = known_zones(root);
  if (zones.empty()) {
    return refused("time zone " + quoted_name(name) + ": there is no time zone database in " + root.string() +
                   "; install tzdata, or let TZDIR name its folder");
  }
  // Who leaves the continent out, or has the wrong one, means that place.
  const auto place = name.substr(name.rfind('/') + 1);
  std::vector<std::string_view> likely;
  for (const auto& zone : zones) {
    if (std::string_view(zone).substr(zone.rfind('/') + 1) == place) likely.push_back(zone);
  }
  if (likely.empty()) likely.assign(zones.begin(), zones.end());
  return refused(describe_unknown("time zone", name, likely));
}

}  // namespace

Result<TimeZone> TimeZone::load(std::string_view name) {
  if (name == "UTC") return utc();
  if (!is_valid_zone_name(name)) {
    return refused(quoted_name(name) + " is no name of a time zone; Europe/Berlin or UTC would be one");
  }
  const auto root = database();
  const auto path = root / std::string(name);
  std::error_code bad;
  const bool is_file = fs::is_regular_file(path, bad);
  if (!is_file || fs::file_size(path, bad) > largest_file || bad) return unknown_zone(root, name);

  std::ifstream file(path, std::ios::binary);
  if (!file) return refused("the file of the time zone " + std::string(name) + " cannot be read");
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return parse(std::string(name), bytes);
}

}  // namespace coremachine::schedule
