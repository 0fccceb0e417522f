#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/model/error.hpp>

namespace coremachine::module {

/// What a module was compiled with, as it says itself.
struct Stamp {
  std::uint32_t descriptor_version = 0;
  std::string engine_version;
  std::uint32_t boost_version = 0;
  std::string abi;
  std::string name;
  std::string version;
};

/// The stamp in the bytes of a library; nothing: there is none, so it is no module.
std::optional<Stamp> find_stamp(std::string_view bytes);

/// Why what was compiled with this cannot be loaded into this program.
std::optional<std::string> misfit_of(const Stamp& stamp);

}  // namespace coremachine::module
