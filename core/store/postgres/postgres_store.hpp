#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/ports/store.hpp"
#include "core/store/postgres/target.hpp"

namespace coremachine {

struct PostgresOptions {
  postgres::Target target;
  bool must_exist = false;                      ///< for tools that look at a store: they make none
  std::function<void(Incarnation)> begun = {};  ///< told of each incarnation that begins
};

/// Opens the store in a schema of a PostgreSQL database; it is made if it is not there. If the target names no server,
/// it is for this process alone, and a new incarnation ends all older ones; else for any number of servers, and it ends
/// those of its own name. Any thread may call the store. A connection that is lost is made again, and a commit whose
/// answer is lost is looked up: it counts once, whatever happens. Whoever begins a newer incarnation ends this one:
/// what it commits afterwards is store_failed. store_missing: must_exist, and it does not; or there is no such
/// database. store_locked: another process has it open. store_damaged: it is no store, or a broken one.
/// invalid_argument: a newer program wrote it. store_failed: the server refuses, or cannot be reached within the
/// patience of the target.
Result<std::unique_ptr<Store>> open_postgres_store(PostgresOptions options);

}  // namespace coremachine
