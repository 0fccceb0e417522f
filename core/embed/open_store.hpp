#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/ports/artifacts.hpp"
#include "core/ports/store.hpp"

namespace coremachine::embed {

struct OpenedStore {
  std::unique_ptr<Store> store;
  std::string running_record;  ///< path of the record of what runs; empty: none is kept
  /// Opens the store of artifacts that belongs to it; makes it, unless `must_exist`.
  std::function<Result<std::unique_ptr<ArtifactStore>>(bool must_exist)> open_artifacts = {};
};

/// `memory:`, `sqlite:PATH`, or what `add_store_scheme` made known. Throws Failure. The one place of the library that
/// names concrete stores.
OpenedStore open_store(std::string_view url, bool must_exist = false);

/// What the opener of a scheme gives: a store, how its artifacts are opened, and where the record of what runs lies: in
/// `FILES-running`, or of one of several servers in `FILES-running-SERVER`.
struct SchemeStore {
  std::unique_ptr<Store> store;
  std::function<Result<std::unique_ptr<ArtifactStore>>(bool must_exist)> open_artifacts;
  std::string files;
  std::string server = {};
};

}  // namespace coremachine::embed
