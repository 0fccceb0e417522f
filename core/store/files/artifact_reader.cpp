#include "core/store/files/artifact_reader.hpp"

#include <algorithm>
#include <utility>

#include "core/store/content_check.hpp"

namespace coremachine::files {

namespace {

class Reader final : public ArtifactReader {
 public:
  Reader(File file, ArtifactInfo info) : file_(std::move(file)), info_(std::move(info)) {}

  const ArtifactInfo& info() const override { return info_; }

  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) override {
    const auto left = offset < info_.size ? info_.size - offset : 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(n, left));
    const auto got = file_.read(offset, to, wanted);
    if (!got) return got;
    if (*got != wanted) return damaged_artifact(info_.id, "its end is missing");
    if (const auto checked = check_.follow(info_, offset, {to, wanted}); !checked) return checked.error();
    return wanted;
  }

 private:
  File file_;
  ArtifactInfo info_;
  ContentCheck check_;
};

}  // namespace

Result<ArtifactInfo> read_info(const File& file, const ArtifactId& id) {
  const auto status = file.status();
  if (!status) return status.error();
  if (status->size < trailer_size) return damaged_artifact(id, "its end is missing");
  std::string bytes(trailer_size, '\0');
  const auto got = file.read(status->size - trailer_size, bytes.data(), bytes.size());
  if (!got) return got.error();
  const auto trailer = decode_trailer(id, bytes);
  if (!trailer) return damaged_artifact(id, "its end is missing or changed");
  if (trailer->content_size + trailer_size != status->size) return damaged_artifact(id, "its size has changed");
  return ArtifactInfo{id, trailer->content_size, trailer->media_type, status->modified};
}

std::unique_ptr<ArtifactReader> make_reader(File file, ArtifactInfo info) {
  return std::make_unique<Reader>(std::move(file), std::move(info));
}

}  // namespace coremachine::files
