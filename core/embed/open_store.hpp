#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/ports/store.hpp"

namespace coremachine::embed {

struct OpenedStore {
  std::unique_ptr<Store> store;
  std::string running_record;  ///< path of the record of what runs; empty: none is kept
};

/// `memory:` or `sqlite:PATH`. Throws Failure. The one place of the library that names concrete stores.
OpenedStore open_store(std::string_view url, bool must_exist = false);

}  // namespace coremachine::embed
