#include "core/store/files/output_appender.hpp"

#include <cstring>
#include <utility>

#include "core/store/sha256.hpp"

namespace coremachine::files {

namespace {

Error damaged(const File& file, const std::string& what) {
  return Error{ErrorCode::store_damaged, "the output " + file.path() + " is damaged: " + what};
}

/// A new file appears under its name only when its header is durable.
Result<void> make_log(Tree& tree, const std::string& path) {
  auto file = File::create(tree.calls(), tree.temporary());
  if (!file) return file.error();
  const auto make = [&]() -> Result<void> {
    if (const auto done = file->write(encode_output_header(output_header_size), 0); !done) return done;
    if (const auto done = file->sync(); !done) return done;
    return rename_file(tree.calls(), file->path(), path);
  };
  const auto made = make();
  if (!made) static_cast<void>(remove_file(file->path()));  // if it stays, the next start takes it away
  return made;
}

}  // namespace

Result<std::shared_ptr<OutputAppender>> OutputAppender::open(std::shared_ptr<Shelf> shelf, const std::string& path) {
  auto& tree = shelf->tree();
  if (auto broken = tree.broken()) return std::move(*broken);
  auto file = File::open(tree.calls(), path, true);
  if (!file && file.error().code == ErrorCode::store_missing) {
    if (const auto made = make_log(tree, path); !made) return made.error();
    file = File::open(tree.calls(), path, true);
  }
  if (!file) return file.error();
  // Also if it was there: whoever made it may not have come to this.
  if (const auto synced = tree.sync_names(path.substr(0, path.rfind('/'))); !synced) return synced.error();
  std::shared_ptr<OutputAppender> output(new OutputAppender(std::move(shelf), std::move(*file)));
  if (const auto recovered = output->recover(); !recovered) return recovered.error();
  return output;
}

OutputAppender::KeyHash OutputAppender::hash_of(std::string_view key) {
  const auto digest = Sha256::of(key);
  KeyHash hash{};
  std::memcpy(hash.data(), digest.data(), sizeof hash);
  return hash;
}

Result<void> OutputAppender::recover() {
  std::string header(output_header_size, '\0');
  const auto got = file_.read(0, header.data(), header.size());
  if (!got) return got.error();
  const auto durable = decode_output_header(header);
  if (*got != header.size() || !durable) return damaged(file_, "its header cannot be read");

  OutputScanner scanner(file_);
  while (true) {
    const auto record = scanner.next();
    if (!record) return record.error();
    if (!*record) break;
    keys_.insert(hash_of((*record)->key));
  }
  end_ = scanner.offset();
  if (end_ < *durable) return damaged(file_, "the record at byte " + std::to_string(end_) + " cannot be read");
  const auto status = file_.status();
  if (!status) return status.error();
  if (status->size > end_) {
    if (const auto cut = file_.truncate(end_); !cut) return cut.error();
  }
  // What the last process wrote can be read even if it is not on the disk.
  if (const auto synced = shelf_->tree().sync(file_); !synced) return synced.error();
  durable_ = end_;
  noted_ = *durable;
  return {};
}

std::optional<Error> OutputAppender::refusal() const {
  if (error_) return error_;
  switch (state_) {
    case State::open: return shelf_->tree().broken();
    case State::sealing:
    case State::sealed: return Error{ErrorCode::wrong_state, "the output " + file_.path() + " is sealed"};
    case State::dropped: return Error{ErrorCode::wrong_state, "the output " + file_.path() + " was dropped"};
  }
  return std::nullopt;
}

Result<std::size_t> OutputAppender::append(std::span<const OutputRecord> records) {
  if (auto fault = fault_of_records(records)) return std::move(*fault);
  std::vector<KeyHash> hashes;
  for (const auto& record : records) hashes.push_back(hash_of(record.key));

  std::unique_lock lock(mutex_);
  if (auto refused = refusal()) return std::move(*refused);
  std::string bytes;
  std::vector<KeyHash> fresh;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!keys_.insert(hashes[i]).second) continue;
    fresh.push_back(hashes[i]);
    append_output_record(bytes, records[i]);
  }
  if (!bytes.empty()) {
    if (const auto written = write(bytes); !written) {
      for (const auto& key : fresh) keys_.erase(key);
      return written.error();
    }
  }
  // A key that was there may still be on its way to the disk, with the thread that brought it.
  if (const auto synced = sync_all(lock); !synced) return synced.error();
  return fresh.size();
}

/// All of the bytes, or none.
Result<void> OutputAppender::write(std::string_view bytes) {
  if (noted_ != durable_) {
    if (const auto done = file_.write(encode_output_header(durable_), 0); !done) return done;
    noted_ = durable_;
  }
  if (const auto done = file_.write(bytes, end_); !done) {
    // Whole records that stay behind the end would be there after the next start.
    if (const auto cut = file_.truncate(end_); !cut) error_ = cut.error();
    return done;
  }
  end_ += bytes.size();
  return {};
}

/// One of the threads that wait syncs for all that have written until then.
Result<void> OutputAppender::sync_all(std::unique_lock<std::mutex>& lock) {
  const auto wanted = end_;
  while (durable_ < wanted) {
    if (error_) return *error_;
    if (is_syncing_) {
      synced_more_.wait(lock);
      continue;
    }
    is_syncing_ = true;
    const auto covered = end_;
    lock.unlock();
    const auto synced = shelf_->tree().sync(file_);
    lock.lock();
    is_syncing_ = false;
    if (synced) {
      durable_ = covered;
    } else {
      error_ = synced.error();
    }
    synced_more_.notify_all();
  }
  return {};
}

Result<Pinned> OutputAppender::seal() {
  std::unique_lock lock(mutex_);
  if (auto refused = refusal()) return std::move(*refused);
  state_ = State::sealing;
  auto sealed = [&]() -> Result<Pinned> {
    if (const auto synced = sync_all(lock); !synced) return synced.error();
    const auto end = end_;
    lock.unlock();
    auto copied = copy_to_artifact(end);
    lock.lock();
    return copied;
  }();
  if (state_ == State::sealing) state_ = sealed ? State::sealed : State::open;
  return sealed;
}

Result<Pinned> OutputAppender::copy_to_artifact(std::uint64_t end) {
  auto writer = make_writer(shelf_, output_media_type);
  if (!writer) return writer.error();
  OutputScanner scanner(file_);
  while (scanner.offset() < end) {
    const auto record = scanner.next();
    if (!record) return record.error();
    if (!*record) return damaged(file_, "the record at byte " + std::to_string(scanner.offset()) + " cannot be read");
    const auto bytes = (*record)->bytes;
    if (const auto done = (*writer)->write(bytes); !done) return done.error();
    if (bytes.empty() || bytes.ends_with('\n')) continue;
    if (const auto done = (*writer)->write("\n"); !done) return done.error();
  }
  return (*writer)->finish();
}

void OutputAppender::drop() {
  const std::lock_guard lock(mutex_);
  state_ = State::dropped;
}

bool OutputAppender::is_over() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::sealed || state_ == State::dropped;
}

}  // namespace coremachine::files
