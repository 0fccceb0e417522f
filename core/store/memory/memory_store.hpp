#pragma once

#include <memory>

#include "core/ports/store.hpp"

namespace coremachine {

/// A store that lasts as long as its process: for embedding, for `run`, for tests. Any thread may call it.
std::unique_ptr<Store> make_memory_store();

}  // namespace coremachine
