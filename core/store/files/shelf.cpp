#include "core/store/files/shelf.hpp"

#include <utility>

#include "core/store/files/artifact_reader.hpp"
#include "core/store/files/trailer.hpp"

namespace coremachine::files {

namespace {

std::uint64_t content_size(std::uint64_t file_size) {
  return file_size < trailer_size ? 0 : file_size - trailer_size;
}

}  // namespace

Result<ArtifactInfo> Shelf::publish(File file, ArtifactInfo info) {
  const auto path = tree_->path_of(info.id);
  const auto drop = [&](const Error& error) {
    static_cast<void>(remove_file(file.path()));  // if it stays, the next start takes it away
    return error;
  };
  std::optional<File> stored;
  {
    const std::lock_guard lock(mutex_);
    if (auto opened = File::open(tree_->calls(), path, false)) {
      // One that cannot be read is put right by taking its place.
      if (const auto found = read_info(*opened, info.id)) {
        info.media_type = found->media_type;
        stored.emplace(std::move(*opened));
      }
    }
    if (stored) {
      if (const auto touched = stored->touch(info.created_at); !touched) return drop(touched.error());
    } else {
      const auto replaced = status_of(path);
      if (const auto renamed = rename_file(tree_->calls(), file.path(), path); !renamed) return drop(renamed.error());
      if (replaced) count_out(info.id, content_size(replaced->size));
      count_in(info.id, info.size);
    }
  }
  if (stored) {
    if (const auto removed = remove_file(file.path()); !removed) return removed.error();
    if (const auto synced = tree_->sync(*stored); !synced) return synced.error();
  }
  // Also if it was stored: whoever did that may not have come to this.
  if (const auto synced = tree_->sync_place(info.id); !synced) return synced.error();
  return info;
}

Result<void> Shelf::remove(const ArtifactId& id) {
  const auto path = tree_->path_of(id);
  const std::lock_guard lock(mutex_);
  const auto status = status_of(path);
  if (!status) return status.error().code == ErrorCode::store_missing ? missing_artifact(id) : status.error();
  if (const auto removed = remove_file(path); !removed) return removed.error();
  count_out(id, content_size(status->size));
  return {};
}

void Shelf::count_in(const ArtifactId& id, std::uint64_t bytes) {
  auto& counted = counts_[id.digest[0]];
  if (!counted) return;
  counted->count += 1;
  counted->bytes += bytes;
}

void Shelf::count_out(const ArtifactId& id, std::uint64_t bytes) {
  auto& counted = counts_[id.digest[0]];
  if (!counted) return;
  counted->count -= 1;
  counted->bytes -= bytes;
}

Result<ArtifactStats> Shelf::count_shard(std::uint8_t first) const {
  const auto ids = tree_->ids_of_shard(first);
  if (!ids) return ids.error();
  ArtifactStats counted;
  for (const auto& id : *ids) {
    const auto status = status_of(tree_->path_of(id));
    if (!status && status.error().code == ErrorCode::store_missing) continue;  // somebody else's hand
    if (!status) return status.error();
    counted.count += 1;
    counted.bytes += content_size(status->size);
  }
  return counted;
}

Result<ArtifactStats> Shelf::stats() {
  ArtifactStats total;
  for (std::size_t first = 0; first < counts_.size(); ++first) {
    // Part by part, so that those who write need not wait for the whole.
    const std::lock_guard lock(mutex_);
    auto& counted = counts_[first];
    if (!counted) {
      const auto fresh = count_shard(static_cast<std::uint8_t>(first));
      if (!fresh) return fresh.error();
      counted = *fresh;
    }
    total.count += counted->count;
    total.bytes += counted->bytes;
  }
  return total;
}

}  // namespace coremachine::files
