#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "core/store/content_check.hpp"
#include "core/store/postgres/artifact_content.hpp"

namespace coremachine::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char get_piece[] = "SELECT bytes FROM artifact_piece WHERE content = $1 AND n = $2";
// Of content that an artifact has there is no such row, and nothing is written.
constexpr char go_on_reading[] =
    "UPDATE artifact_loose SET keep_until = now() + $2::bigint * interval '1 ms' WHERE content = $1 AND writer IS NULL";
constexpr char is_still_there[] = "SELECT 1 FROM artifact WHERE id = $1 AND content = $2";

class Reader final : public ArtifactReader {
 public:
  Reader(std::shared_ptr<ArtifactShelf> shelf, std::int64_t content, ArtifactInfo info)
      : shelf_(std::move(shelf)), content_(content), info_(std::move(info)) {}

  const ArtifactInfo& info() const override { return info_; }

  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) override {
    const auto left = offset < info_.size ? info_.size - offset : 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(n, left));
    for (std::size_t got = 0; got < wanted;) {
      const auto bytes = bytes_at(offset + got);
      if (!bytes) return bytes.error();
      const auto taken = std::min(bytes->size(), wanted - got);
      std::memcpy(to + got, bytes->data(), taken);
      got += taken;
    }
    if (const auto checked = check_.follow(info_, offset, {to, wanted}); !checked) return checked.error();
    return wanted;
  }

 private:
  /// What is from there on in its piece.
  Result<std::string_view> bytes_at(std::uint64_t offset) {
    const auto n = static_cast<std::int64_t>(offset / piece_size);
    if (n != at_) {
      if (const auto done = fetch(n); !done) return done.error();
    }
    return piece_->view(0).substr(static_cast<std::size_t>(offset % piece_size));
  }

  Result<void> fetch(std::int64_t n) {
    piece_.reset();
    at_ = -1;
    const auto now = Clock::now();
    // Whoever only looks at a store changes nothing in it, and has to be quick.
    const bool renews = shelf_->incarnation() != 0 && now - kept_at_ > shelf_->linger() / 4;
    auto found = shelf_->ask([&](Connection& by) {
      if (renews) by.add(go_on_reading, content_, shelf_->linger().count());
      return by.query_bytes(get_piece, content_, n);
    });
    if (!found) return found.error();
    if (renews) kept_at_ = now;
    if (!found->next()) return why_missing();
    const auto begin = static_cast<std::uint64_t>(n) * piece_size;
    if (found->view(0).size() != std::min<std::uint64_t>(piece_size, info_.size - begin)) {
      return damaged_artifact(info_.id, "a piece of it has changed its size");
    }
    piece_ = std::move(*found);
    at_ = n;
    return {};
  }

  Error why_missing() {
    const auto there =
        shelf_->ask([&](Connection& by) { return by.query(is_still_there, info_.id.str(), content_).count() > 0; });
    if (!there) return there.error();
    if (*there) return damaged_artifact(info_.id, "a part of it is missing");
    return Error{artifact_missing, "the artifact " + info_.id.str() + " was removed, and not read for too long"};
  }

  std::shared_ptr<ArtifactShelf> shelf_;
  const std::int64_t content_;
  const ArtifactInfo info_;
  Clock::time_point kept_at_ = Clock::now();  ///< when it was last certain that it stays for a while
  std::int64_t at_ = -1;
  std::optional<Rows> piece_;
  ContentCheck check_;
};

}  // namespace

std::unique_ptr<ArtifactReader> make_reader(std::shared_ptr<ArtifactShelf> shelf, std::int64_t content,
                                            ArtifactInfo info) {
  return std::make_unique<Reader>(std::move(shelf), content, std::move(info));
}

}  // namespace coremachine::postgres
