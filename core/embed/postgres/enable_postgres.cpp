#include <coremachine/postgres.hpp>

#include <atomic>
#include <memory>
#include <utility>

#include <coremachine/embed/store_scheme.hpp>

#include "core/embed/open_store.hpp"
#include "core/store/postgres/postgres_artifacts.hpp"
#include "core/store/postgres/postgres_store.hpp"

namespace coremachine {
namespace {

embed::SchemeStore open(std::string_view url, bool must_exist) {
  auto target = postgres::parse_target(url);
  if (!target) throw Failure(target.error());
  auto files = target->files;
  auto server = target->server;
  // The artifacts are written as the incarnation that the store begins.
  const auto incarnation = std::make_shared<std::atomic<Incarnation>>(0);
  const auto begun = [incarnation](Incarnation one) { *incarnation = one; };
  auto store = open_postgres_store({.target = *target, .must_exist = must_exist, .begun = begun});
  if (!store) throw Failure(store.error());
  const auto open_artifacts = [target = *target, incarnation](bool) -> Result<std::unique_ptr<ArtifactStore>> {
    return open_postgres_artifacts({.target = target, .incarnation = *incarnation});
  };
  return {std::move(*store), open_artifacts, std::move(files), std::move(server)};
}

}  // namespace

void enable_postgres() {
  add_store_scheme("postgres", open);
  add_store_scheme("postgresql", open);
}

}  // namespace coremachine
