#include <algorithm>
#include <string>

#include <boost/assert.hpp>

#include "core/store/postgres/artifact_content.hpp"
#include "core/store/sha256.hpp"

namespace coremachine::postgres {
namespace {

constexpr char begin_content[] =
    "INSERT INTO artifact_loose (content, writer) VALUES ($1, $2) ON CONFLICT (content) DO NOTHING";
// What a lost session still has in its hands comes too late once the content was given up.
constexpr char put_piece[] =
    "INSERT INTO artifact_piece (content, n, bytes) SELECT content, $3, $4 FROM artifact_loose "
    "WHERE content = $1 AND writer = $2 FOR SHARE ON CONFLICT (content, n) DO NOTHING";

// Who removes the artifact meanwhile is waited for, or waits; and then there is the pin.
#define COREMACHINE_KNOWN " RETURNING size, media_type, created_at"
#define COREMACHINE_PUT_ARTIFACT(content)                                               \
  "INSERT INTO artifact (id, content, size, media_type, created_at, last_pin) " content \
  " ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, last_pin = excluded.last_pin" COREMACHINE_KNOWN
constexpr char put_small[] = COREMACHINE_PUT_ARTIFACT("VALUES ($1, $2, $3, $4, $5, $6)");
// Of pieces that this put has not stored, or that were taken away, nothing is made.
constexpr char put_large[] = COREMACHINE_PUT_ARTIFACT(
    "SELECT $1, content, $3, $4, $5, $6 FROM artifact_loose WHERE content = $2 AND writer = $7 FOR UPDATE");
// Also by an attempt whose answer was lost: then its content is not loose any more.
constexpr char put_again[] = "UPDATE artifact SET created_at = $2, last_pin = $3 WHERE id = $1" COREMACHINE_KNOWN;
// One whose pin is new, and whose content is that of this put, is new.
constexpr char put_pin[] =
    "WITH pinned AS (INSERT INTO artifact_pin (number, artifact, incarnation) VALUES ($1, $2, $3) "
    "ON CONFLICT (number) DO NOTHING RETURNING artifact) INSERT INTO artifact_tally (count, bytes) "
    "SELECT 1, a.size FROM artifact a JOIN pinned ON pinned.artifact = a.id WHERE a.content = $4";
constexpr char put_last_piece[] =
    "INSERT INTO artifact_piece (content, n, bytes) SELECT content, $3, $4 FROM artifact WHERE id = $1 AND content = "
    "$2 ON CONFLICT (content, n) DO NOTHING";
constexpr char end_content[] =
    "DELETE FROM artifact_loose WHERE content = $2 AND writer = $3 "
    "AND EXISTS (SELECT 1 FROM artifact WHERE id = $1 AND content = $2)";
constexpr char drop_double[] =
    "UPDATE artifact_loose SET writer = NULL, keep_until = now() WHERE content = $1 AND writer = $2";

class Writer final : public ArtifactWriter {
 public:
  Writer(std::shared_ptr<ArtifactShelf> shelf, std::string_view media_type)
      : shelf_(std::move(shelf)), content_(shelf_->next_number()) {
    info_.media_type = media_type;
  }
  ~Writer() override { drop(); }

  Result<void> write(std::string_view bytes) override {
    BOOST_ASSERT_MSG(!finished_, "nothing is written to an artifact that is finished");
    if (error_) return *error_;
    sha256_.update(bytes);
    info_.size += bytes.size();
    while (!bytes.empty()) {
      if (gathered_.size() == piece_size) {
        if (const auto done = put_gathered(); !done) return done;
      }
      const auto taken = std::min(bytes.size(), piece_size - gathered_.size());
      gathered_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
    }
    return {};
  }

  Result<Pinned> finish() override {
    BOOST_ASSERT_MSG(!finished_, "an artifact is finished once");
    finished_ = true;
    if (error_) return *error_;
    info_.id.digest = sha256_.finish();
    info_.created_at = shelf_->now();
    const auto pin = shelf_->next_number();
    if (const auto done = publish(pin); !done) {
      shelf_->let_go(pin);
      return fail(done.error());
    }
    return Pinned{info_, shelf_->hold(info_.id, pin)};
  }

 private:
  Result<void> put_gathered() {
    const auto done = shelf_->write([&](Connection& by) {
      shelf_->add_fence(by);
      if (pieces_ == 0) by.add(begin_content, content_, shelf_->incarnation());
      by.query(put_piece, content_, shelf_->incarnation(), pieces_, Bytes{gathered_});
      return true;
    });
    ++pieces_;
    if (!done) return fail(done.error());
    gathered_.clear();
    return {};
  }

  /// The last piece, the artifact and its pin, all at once.
  Result<void> publish(std::int64_t pin) {
    const auto id = info_.id.str();
    const auto self = shelf_->incarnation();
    auto known = shelf_->write([&](Connection& by) {
      const auto created = info_.created_at.time_since_epoch().count();
      shelf_->add_fence(by);
      if (pieces_ > 0) {
        by.add(put_again, id, created, pin);
        by.add(put_large, id, content_, info_.size, info_.media_type, created, pin, self);
      } else {
        by.add(put_small, id, content_, info_.size, info_.media_type, created, pin);
      }
      by.add(put_pin, pin, id, self, content_);
      if (!gathered_.empty()) by.add(put_last_piece, id, content_, pieces_, Bytes{gathered_});
      if (pieces_ > 0) {
        by.add(end_content, id, content_, self);
        by.add(drop_double, content_, self);
      }
      auto answers = by.run();
      return std::move(pieces_ > 0 && answers.at(2).count() > 0 ? answers[2] : answers.at(1));
    });
    if (!known) return known.error();
    if (!known->next()) {
      return Error{ErrorCode::store_failed, "what was written of an artifact is not in " + shelf_->target().location +
                                                " any more: write it again"};
    }
    info_.media_type = known->string(1);
    info_.created_at = known->time(2);
    pieces_ = 0;
    return {};
  }

  Error fail(const Error& error) {
    error_ = error;
    drop();
    return error;
  }

  void drop() {
    if (pieces_ > 0) shelf_->abandon(content_);
    pieces_ = 0;
    gathered_.clear();
    gathered_.shrink_to_fit();
  }

  std::shared_ptr<ArtifactShelf> shelf_;
  const std::int64_t content_;
  std::int64_t pieces_ = 0;  ///< that are stored, and not an artifact's yet
  std::string gathered_;     ///< the piece that comes next
  Sha256 sha256_;
  ArtifactInfo info_;
  bool finished_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<ArtifactWriter>> make_writer(std::shared_ptr<ArtifactShelf> shelf, std::string_view media_type) {
  if (auto fault = fault_of_media_type(media_type)) return std::move(*fault);
  if (auto refused = shelf->refusal()) return std::move(*refused);
  return std::make_unique<Writer>(std::move(shelf), media_type);
}

}  // namespace coremachine::postgres
