#pragma once

#include <string>
#include <string_view>

#include <coremachine/export.hpp>

namespace coremachine {

namespace embed {
struct SchemeStore;
}

/// Opens the store that a URL names. Throws Failure.
using StoreOpener = embed::SchemeStore (*)(std::string_view url, bool must_exist);

/// From now on a store whose URL begins with `SCHEME:` is opened by `opener`. Stores that are libraries of their own
/// are made known so; programs call the function of that library (`enable_postgres`). Any thread.
COREMACHINE_API void add_store_scheme(std::string scheme, StoreOpener opener);

}  // namespace coremachine
