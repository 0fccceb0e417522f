#include "core/store/postgres/artifact_removal.hpp"

#include <string>
#include <unordered_map>

#include "core/store/table_rows.hpp"

namespace coremachine::postgres {
namespace {

#define COREMACHINE_PINNED                                                                       \
  "EXISTS (SELECT 1 FROM artifact_pin p JOIN server s ON s.incarnation = p.incarnation AND NOT " \
  "s.fenced WHERE p.artifact = a.id)"
constexpr char candidates_after[] = "SELECT id, last_pin, created_at, content, size, " COREMACHINE_PINNED
                                    " FROM artifact a WHERE id > $1 ORDER BY id LIMIT $2";
constexpr char candidates_of[] =
    "SELECT id, last_pin, created_at, content, size, " COREMACHINE_PINNED " FROM artifact a WHERE id = ANY ($1)";

// A row that another one has just pinned is another one: it is waited for, looked at again, and left.
#define COREMACHINE_REMOVE(spared)                                                                              \
  "WITH gone AS (DELETE FROM artifact a USING unnest($1, $2) chosen (id, last_pin) WHERE a.id = chosen.id AND " \
  "a.last_pin = chosen.last_pin AND NOT " COREMACHINE_PINNED spared                                             \
  " RETURNING a.content, a.size), told AS (INSERT INTO artifact_tally (count, bytes) SELECT -count(*), "        \
  "-sum(size) FROM gone HAVING count(*) > 0) INSERT INTO artifact_loose (content, keep_until, removal) "        \
  "SELECT content, now() + $3::bigint * interval '1 ms', $4 FROM gone"
constexpr char remove_any[] = COREMACHINE_REMOVE("");
constexpr char remove_unnamed[] =
    COREMACHINE_REMOVE(" AND NOT EXISTS (SELECT 1 FROM artifact_reference r WHERE r.artifact = a.id)");
constexpr char gone_by_removal[] = "SELECT content FROM artifact_loose WHERE content = ANY ($1) AND removal = $2";

#define COREMACHINE_SWEPT                                                                             \
  "(CASE WHEN writer IS NULL THEN keep_until <= now() ELSE NOT EXISTS (SELECT 1 FROM server s WHERE " \
  "s.incarnation = writer AND NOT s.fenced) END)"
constexpr char swept_contents[] =
    "SELECT content FROM artifact_loose WHERE " COREMACHINE_SWEPT " ORDER BY content LIMIT 100";
constexpr char sweep_pieces[] =
    "WITH loose AS MATERIALIZED (SELECT content FROM artifact_loose WHERE content = $1 AND " COREMACHINE_SWEPT
    " FOR UPDATE) DELETE FROM artifact_piece WHERE (content, n) IN (SELECT p.content, p.n FROM loose l JOIN "
    "artifact_piece p ON p.content = l.content ORDER BY p.n LIMIT $2)";
constexpr char sweep_content[] = "DELETE FROM artifact_loose WHERE content = $1 AND " COREMACHINE_SWEPT
                                 " AND NOT EXISTS (SELECT 1 FROM artifact_piece p WHERE p.content = $1)";
constexpr char sweep_pins[] =
    "DELETE FROM artifact_pin p WHERE NOT EXISTS (SELECT 1 FROM server s WHERE s.incarnation = p.incarnation AND NOT "
    "s.fenced)";
// Whoever does so at the same time finds what it was about to add up gone, and adds up the rest.
constexpr char add_up_tally[] =
    "WITH gone AS (DELETE FROM artifact_tally WHERE (SELECT count(*) FROM artifact_tally) > 100 RETURNING count, "
    "bytes) INSERT INTO artifact_tally (count, bytes) SELECT sum(count), sum(bytes) FROM gone HAVING count(*) > 0";

/// Pieces of one transaction.
constexpr std::uint64_t slice = 64;

std::vector<RemovalCandidate> read_candidates(Rows rows) {
  std::vector<RemovalCandidate> found;
  while (rows.next()) {
    const auto id = ArtifactId::parse(rows.view(0));
    if (!id) continue;
    found.push_back({*id, rows.integer(1), rows.flag(5), rows.time(2), rows.integer(3), rows.as<std::uint64_t>(4)});
  }
  return found;
}

Result<void> sweep(ArtifactShelf& shelf, std::int64_t content, ArtifactShelf::Urgency urgency) {
  for (bool more = true; more;) {
    if (shelf.is_closed()) return {};
    const auto swept =
        shelf.ask([&](Connection& by) { return by.query(sweep_pieces, content, slice).changed() == slice; }, urgency);
    if (!swept) return swept.error();
    more = *swept;
  }
  const auto done = shelf.ask([&](Connection& by) { return by.query(sweep_content, content).changed(); }, urgency);
  return done ? Result<void>() : done.error();
}

}  // namespace

Result<std::vector<RemovalCandidate>> removal_candidates(ArtifactShelf& shelf, const std::optional<ArtifactId>& after,
                                                         std::size_t limit) {
  return shelf.ask([&](Connection& by) {
    return read_candidates(by.query(candidates_after, after ? after->str() : std::string(), tables::row_limit(limit)));
  });
}

Result<std::vector<RemovalCandidate>> removal_candidates(ArtifactShelf& shelf, const std::vector<ArtifactId>& these) {
  ArrayParam ids;
  for (const auto& id : these) ids.put(id.str());
  return shelf.ask([&](Connection& by) { return read_candidates(by.query(candidates_of, ids)); });
}

Result<Collected> remove_artifacts(ArtifactShelf& shelf, const std::vector<RemovalCandidate>& chosen, Spare spare) {
  ArrayParam ids, last_pins, contents;
  std::unordered_map<std::int64_t, std::uint64_t> sizes;
  for (const auto& each : chosen) {
    ids.put(each.id.str());
    last_pins.put(each.last_pin);
    contents.put(each.content);
    sizes[each.content] = each.size;
  }
  if (chosen.empty()) return Collected{};
  const auto removal = shelf.next_number();
  return shelf.write([&](Connection& by) {
    shelf.add_fence(by);
    by.add(spare == Spare::nothing ? remove_any : remove_unnamed, ids, last_pins, shelf.linger().count(), removal);
    // Also what an attempt removed whose answer was lost.
    auto rows = by.query(gone_by_removal, contents, removal);
    Collected gone;
    while (rows.next()) {
      ++gone.removed;
      gone.bytes += sizes[rows.integer(0)];
    }
    return gone;
  });
}

Result<void> sweep_artifacts(ArtifactShelf& shelf, ArtifactShelf::Urgency urgency) {
  for (;;) {
    const auto contents = shelf.ask(
        [&](Connection& by) {
          std::vector<std::int64_t> found;
          by.add(sweep_pins);
          by.add(add_up_tally);
          auto rows = by.query(swept_contents);
          while (rows.next()) found.push_back(rows.integer(0));
          return found;
        },
        urgency);
    if (!contents) return contents.error();
    if (contents->empty()) return {};
    for (const auto content : *contents) {
      if (shelf.is_closed()) return {};
      if (const auto swept = sweep(shelf, content, urgency); !swept) return swept;
    }
  }
}

}  // namespace coremachine::postgres
