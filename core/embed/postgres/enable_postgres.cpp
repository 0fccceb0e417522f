#include <coremachine/postgres.hpp>

#include <utility>

#include <coremachine/embed/store_scheme.hpp>

#include "core/embed/open_store.hpp"
#include "core/store/postgres/postgres_store.hpp"

namespace coremachine {
namespace {

embed::SchemeStore open(std::string_view url, bool must_exist) {
  auto target = postgres::parse_target(url);
  if (!target) throw Failure(target.error());
  auto files = target->files;
  auto server = target->server;
  auto store = open_postgres_store({.target = std::move(*target), .must_exist = must_exist});
  if (!store) throw Failure(store.error());
  return {std::move(*store), std::move(files), std::move(server)};
}

}  // namespace

void enable_postgres() {
  add_store_scheme("postgres", open);
  add_store_scheme("postgresql", open);
}

}  // namespace coremachine
