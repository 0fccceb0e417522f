#include "core/embed/open_store.hpp"

#include <utility>

#include "core/store/files/artifact_files.hpp"
#include "core/store/memory/memory_artifacts.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/store/sqlite/sqlite_store.hpp"

namespace coremachine::embed {

OpenedStore open_store(std::string_view url, bool must_exist) {
  constexpr std::string_view sqlite = "sqlite:";
  if (url == "memory:") {
    return {make_memory_store(), {}, open_memory_artifacts};
  }
  if (url.starts_with(sqlite) && url.size() > sqlite.size()) {
    SqliteOptions options;
    options.path = std::string(url.substr(sqlite.size()));
    options.must_exist = must_exist;
    auto opened = open_sqlite_store(options);
    if (!opened) throw Failure(opened.error());
    const auto open_artifacts = [root = options.path + "-artifacts"](bool existing) {
      return open_artifact_files({.root = root, .must_exist = existing});
    };
    return {std::move(*opened), options.path + "-running", open_artifacts};
  }
  throw Failure(
      Error{ErrorCode::invalid_argument, "\"" + std::string(url) + "\" is not a store: use memory: or sqlite:PATH"});
}

}  // namespace coremachine::embed
