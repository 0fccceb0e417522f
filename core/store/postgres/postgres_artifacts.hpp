#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <coremachine/model/time.hpp>

#include "core/model/job.hpp"
#include "core/ports/artifacts.hpp"
#include "core/store/postgres/target.hpp"

namespace coremachine {

struct PostgresArtifactsOptions {
  postgres::Target target;
  Incarnation incarnation = 0;          ///< of the server that writes; 0: whoever only looks, and may write nothing
  std::function<Timestamp()> now = {};  ///< the time that new artifacts get; empty: the system's
  Milliseconds linger{3'600'000};       ///< how long what was removed can still be read by those who have it open
  /// Called with "before" and "after" around whatever is asked of the database, by tests: what it throws happens there.
  std::function<void(std::string_view)> fault_point = {};
};

/// The artifact store in the schema of a store in PostgreSQL, which was opened before. Any number of servers may have
/// it open. Connections are made when they are needed, four at most, and made again when they are lost: what was under
/// way is done once, as long as the patience of the target lasts.
///
/// What the port promises holds for all servers: nobody removes what another one has pinned, unless that one is fenced;
/// and a fenced server writes nothing any more (store_failed, and `broken` says so). A reader that did not read for
/// half of `linger` may find what was removed meanwhile gone: artifact_missing. Rows are removed on a thread of its
/// own.
std::unique_ptr<ArtifactStore> open_postgres_artifacts(PostgresArtifactsOptions options);

}  // namespace coremachine
