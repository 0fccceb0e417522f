#include <utility>

#include <boost/assert.hpp>

#include "core/store/files/shelf.hpp"
#include "core/store/files/trailer.hpp"
#include "core/store/sha256.hpp"

namespace coremachine::files {

namespace {

/// Small pieces are gathered up to this size, so that each is not a system call of its own.
constexpr std::size_t gathered_size = std::size_t{256} << 10U;

class Writer final : public ArtifactWriter {
 public:
  Writer(std::shared_ptr<Shelf> shelf, std::string_view media_type, File file)
      : shelf_(std::move(shelf)), file_(std::move(file)) {
    info_.media_type = media_type;
  }
  ~Writer() override { drop(); }

  Result<void> write(std::string_view bytes) override {
    BOOST_ASSERT_MSG(file_ || error_, "nothing is written to an artifact that is finished");
    if (error_) return *error_;
    sha256_.update(bytes);
    if (gathered_.size() + bytes.size() < gathered_size) {
      gathered_.append(bytes);
      return {};
    }
    if (const auto done = flush(); !done) return done;
    return put(bytes);
  }

  Result<Pinned> finish() override {
    BOOST_ASSERT_MSG(file_ || error_, "an artifact is finished once");
    if (!error_) error_ = shelf_->tree().broken();
    if (error_) {
      drop();
      return *error_;
    }
    info_.id.digest = sha256_.finish();
    info_.created_at = shelf_->tree().now();
    if (const auto done = complete(); !done) return done.error();
    // Pinned before it is looked for, so that what is found to be stored already cannot go.
    auto pin = shelf_->pins().pin(info_.id);
    auto published = shelf_->publish(std::move(*file_), std::move(info_));
    file_.reset();
    if (!published) {
      error_ = published.error();
      return *error_;
    }
    return Pinned{std::move(*published), std::move(pin)};
  }

 private:
  Result<void> flush() {
    if (const auto done = put(gathered_); !done) return done;
    gathered_.clear();
    return {};
  }

  Result<void> put(std::string_view bytes) {
    if (const auto done = file_->write(bytes, info_.size); !done) return fail(done.error());
    info_.size += bytes.size();
    return {};
  }

  /// All of the file is on the disk, under its temporary name.
  Result<void> complete() {
    if (const auto done = flush(); !done) return done;
    const auto trailer = encode_trailer(info_.id, {info_.size, info_.media_type});
    if (const auto done = file_->write(trailer, info_.size); !done) return fail(done.error());
    if (const auto done = file_->touch(info_.created_at); !done) return fail(done.error());
    if (const auto done = shelf_->tree().make_place(info_.id); !done) return fail(done.error());
    // If this fails the file is thrown away, so that nothing doubtful stays.
    if (const auto done = file_->sync(); !done) return fail(done.error());
    return {};
  }

  Error fail(const Error& error) {
    error_ = error;
    drop();
    return error;
  }

  void drop() {
    if (!file_) return;
    static_cast<void>(remove_file(file_->path()));  // if it stays, the next start takes it away
    file_.reset();
  }

  std::shared_ptr<Shelf> shelf_;
  std::optional<File> file_;
  Sha256 sha256_;
  ArtifactInfo info_;
  std::string gathered_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<ArtifactWriter>> make_writer(std::shared_ptr<Shelf> shelf, std::string_view media_type) {
  if (auto fault = fault_of_media_type(media_type)) return std::move(*fault);
  auto& tree = shelf->tree();
  if (auto broken = tree.broken()) return std::move(*broken);
  auto file = File::create(tree.calls(), tree.temporary());
  if (!file) return file.error();
  return std::make_unique<Writer>(std::move(shelf), media_type, std::move(*file));
}

}  // namespace coremachine::files
