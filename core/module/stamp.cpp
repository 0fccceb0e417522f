#include "core/module/stamp.hpp"

#include <array>
#include <charconv>

#include <coremachine/model/ids.hpp>
#include <coremachine/module/module.hpp>

namespace coremachine::module {
namespace {

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<Stamp> read_stamp(std::string_view text) {
  std::array<std::string_view, 6> lines;
  for (auto& line : lines) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  const auto [descriptor, engine, boost, abi, name, version] = lines;
  const auto descriptor_version = number_of(descriptor);
  const auto boost_version = number_of(boost);
  if (!descriptor_version || !boost_version) return std::nullopt;
  return Stamp{*descriptor_version, std::string(engine), *boost_version,
               std::string(abi),    std::string(name),   std::string(version)};
}

/// Up to its last dot: what the binary interface changes with.
std::string_view series(std::string_view version) {
  return version.substr(0, version.rfind('.'));
}

std::string dotted(std::uint32_t boost) {
  return std::to_string(boost / 100'000) + "." + std::to_string(boost / 100 % 1'000) + "." +
         std::to_string(boost % 100);
}

}  // namespace

std::optional<Stamp> find_stamp(std::string_view bytes) {
  // A library that has the loader in it has the word too, with no stamp behind it.
  for (auto at = bytes.find(ModuleStamp::magic); at != std::string_view::npos;
       at = bytes.find(ModuleStamp::magic, at + 1)) {
    constexpr std::size_t longest = sizeof(ModuleStamp);
    const auto text = bytes.substr(at, longest).substr(ModuleStamp::magic.size());
    if (auto stamp = read_stamp(text.substr(0, text.find('\0')))) return stamp;
  }
  return std::nullopt;
}

std::optional<std::string> misfit_of(const Stamp& stamp) {
  if (stamp.descriptor_version != ModuleDescriptor::current_version) {
    return "it describes itself in version " + std::to_string(stamp.descriptor_version) +
           ", and this program reads version " + std::to_string(ModuleDescriptor::current_version);
  }
  if (series(stamp.engine_version) != series(engine_version)) {
    return "it was built for CoreMachine " + stamp.engine_version + ", and this is " + engine_version +
           ": build it again with the headers of this one";
  }
  if (stamp.boost_version != BOOST_VERSION) {
    return "it was built with Boost " + dotted(stamp.boost_version) + ", and this program with " +
           dotted(BOOST_VERSION) + ": their types differ";
  }
  if (stamp.abi != module_abi) {
    return "it was built with \"" + stamp.abi + "\", and this program with \"" + module_abi + "\": their types differ";
  }
  if (!is_valid_name(stamp.name)) return "its name is \"" + stamp.name + "\", and a name is " + std::string(name_rule);
  return std::nullopt;
}

}  // namespace coremachine::module
