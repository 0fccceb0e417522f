#include "core/embed/open_store.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include <coremachine/embed/store_scheme.hpp>

#include "core/ports/store_url.hpp"
#include "core/store/files/artifact_files.hpp"
#include "core/store/memory/memory_artifacts.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/store/sqlite/sqlite_store.hpp"

namespace coremachine {
namespace {

struct Schemes {
  std::mutex mutex;
  std::map<std::string, StoreOpener, std::less<>> openers;
};

Schemes& schemes() {
  static Schemes all;
  return all;
}

StoreOpener opener_of(std::string_view scheme) {
  auto& all = schemes();
  const std::lock_guard lock(all.mutex);
  const auto found = all.openers.find(scheme);
  return found == all.openers.end() ? nullptr : found->second;
}

Error unknown(std::string_view url, std::string_view scheme) {
  if (scheme == "postgres" || scheme == "postgresql") {
    return Error{ErrorCode::invalid_argument,
                 "this program was built without PostgreSQL: the program coremachine has it when libpq (Debian: "
                 "libpq-dev) is there as it is built, with cmake -D COREMACHINE_POSTGRES=on; a program that embeds the "
                 "library links CoreMachine::postgres and calls coremachine::enable_postgres()"};
  }
  return Error{ErrorCode::invalid_argument, "\"" + without_password(url) +
                                                "\" is not a store: use memory:, sqlite:PATH or "
                                                "postgres://USER@HOST/DATABASE"};
}

}  // namespace

void add_store_scheme(std::string scheme, StoreOpener opener) {
  auto& all = schemes();
  const std::lock_guard lock(all.mutex);
  all.openers[std::move(scheme)] = opener;
}

namespace embed {
namespace {

/// What one server runs is not what another one died of.
std::string record_of(const std::string& path, std::string server) {
  std::replace(server.begin(), server.end(), '/', '_');
  return path + "-running" + (server.empty() ? "" : "-" + server);
}

}  // namespace

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
    return {std::move(*opened), record_of(options.path, {}), open_artifacts};
  }
  const auto scheme = url.substr(0, url.find(':'));
  if (const auto opener = opener_of(scheme)) {
    auto opened = opener(url, must_exist);
    return {std::move(opened.store), record_of(opened.files, opened.server), std::move(opened.open_artifacts)};
  }
  throw Failure(unknown(url, scheme));
}

}  // namespace embed
}  // namespace coremachine
