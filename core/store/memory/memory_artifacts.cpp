#include "core/store/memory/memory_artifacts.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <boost/assert.hpp>

#include "core/store/artifact_pins.hpp"
#include "core/store/sha256.hpp"

namespace coremachine {

namespace {

using Content = std::shared_ptr<const std::string>;

struct Stored {
  ArtifactInfo info;
  Content content;
};

/// The records of an output. `owner` counts how often it was sealed or dropped: older appenders are refused.
struct Log {
  std::set<std::string, std::less<>> keys;
  std::string lines;
  std::uint64_t owner = 0;
};

/// What the store, its writers and its outputs share.
struct Shelf {
  std::function<Timestamp()> now;
  std::shared_ptr<ArtifactPins> pins = std::make_shared<ArtifactPins>();
  std::mutex mutex;  ///< for all below
  std::map<ArtifactId, Stored> artifacts;
  std::uint64_t bytes = 0;
  std::map<std::pair<JobId, std::string>, std::shared_ptr<Log>> logs;

  Pinned store(std::string content, std::string_view media_type) {
    ArtifactInfo info{{Sha256::of(content)}, content.size(), std::string(media_type), now()};
    auto pin = pins->pin(info.id);
    const std::lock_guard lock(mutex);
    const auto [at, is_new] = artifacts.try_emplace(info.id);
    if (is_new) {
      at->second = {info, std::make_shared<const std::string>(std::move(content))};
      bytes += info.size;
    }
    at->second.info.created_at = info.created_at;
    return {at->second.info, std::move(pin)};
  }

  Result<Stored> find(const ArtifactId& id) {
    const std::lock_guard lock(mutex);
    const auto found = artifacts.find(id);
    if (found == artifacts.end()) return missing_artifact(id);
    return found->second;
  }

  Result<void> remove(const ArtifactId& id) {
    const std::lock_guard lock(mutex);
    const auto found = artifacts.find(id);
    if (found == artifacts.end()) return missing_artifact(id);
    bytes -= found->second.info.size;
    artifacts.erase(found);
    return {};
  }
};

class Writer final : public ArtifactWriter {
 public:
  Writer(std::shared_ptr<Shelf> shelf, std::string_view media_type)
      : shelf_(std::move(shelf)), media_type_(media_type) {}

  Result<void> write(std::string_view bytes) override {
    BOOST_ASSERT_MSG(shelf_, "nothing is written to an artifact that is finished");
    content_.append(bytes);
    return {};
  }
  Result<Pinned> finish() override {
    BOOST_ASSERT_MSG(shelf_, "an artifact is finished once");
    return std::exchange(shelf_, nullptr)->store(std::move(content_), media_type_);
  }

 private:
  std::shared_ptr<Shelf> shelf_;
  std::string media_type_;
  std::string content_;
};

class Reader final : public ArtifactReader {
 public:
  explicit Reader(Stored stored) : stored_(std::move(stored)) {}

  const ArtifactInfo& info() const override { return stored_.info; }
  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) override {
    const auto& content = *stored_.content;
    return offset < content.size() ? content.copy(to, n, static_cast<std::size_t>(offset)) : 0;
  }

 private:
  Stored stored_;
};

class Appender final : public ArtifactAppender {
 public:
  Appender(std::shared_ptr<Shelf> shelf, std::shared_ptr<Log> log)
      : shelf_(std::move(shelf)), log_(std::move(log)), owner_(log_->owner) {}

  Result<std::size_t> append(std::span<const OutputRecord> records) override {
    if (auto fault = fault_of_records(records)) return std::move(*fault);
    const std::lock_guard lock(shelf_->mutex);
    if (log_->owner != owner_) return over();
    std::size_t fresh = 0;
    for (const auto& record : records) {
      if (!log_->keys.emplace(record.key).second) continue;
      ++fresh;
      log_->lines.append(record.bytes);
      if (!record.bytes.empty() && !record.bytes.ends_with('\n')) log_->lines.push_back('\n');
    }
    return fresh;
  }

  Result<Pinned> seal() override {
    std::string lines;
    {
      const std::lock_guard lock(shelf_->mutex);
      if (log_->owner != owner_) return over();
      ++log_->owner;
      lines = log_->lines;
    }
    return shelf_->store(std::move(lines), output_media_type);
  }

 private:
  static Error over() { return Error{ErrorCode::wrong_state, "the output is sealed or was dropped"}; }

  std::shared_ptr<Shelf> shelf_;
  std::shared_ptr<Log> log_;
  std::uint64_t owner_;
};

class MemoryArtifacts final : public ArtifactStore {
 public:
  explicit MemoryArtifacts(std::function<Timestamp()> now) { shelf_->now = std::move(now); }

  Result<std::unique_ptr<ArtifactWriter>> begin(std::string_view media_type) override {
    if (auto fault = fault_of_media_type(media_type)) return std::move(*fault);
    return std::make_unique<Writer>(shelf_, media_type);
  }

  Result<Pinned> pin(const ArtifactId& id) override {
    auto pin = shelf_->pins->pin(id);
    auto found = shelf_->find(id);
    if (!found) return found.error();
    return Pinned{std::move(found->info), std::move(pin)};
  }
  Result<std::unique_ptr<ArtifactReader>> open(const ArtifactId& id) const override {
    auto found = shelf_->find(id);
    if (!found) return found.error();
    return std::make_unique<Reader>(std::move(*found));
  }
  Result<ArtifactInfo> info(const ArtifactId& id) const override {
    auto found = shelf_->find(id);
    if (!found) return found.error();
    return std::move(found->info);
  }

  Result<void> remove(const ArtifactId& id) override {
    Result<void> outcome = pinned_artifact(id);
    shelf_->pins->remove_unless(
        id, [] { return false; }, [&] { outcome = shelf_->remove(id); });
    return outcome;
  }

  Result<std::vector<ArtifactInfo>> list(const std::optional<ArtifactId>& after, std::size_t limit) const override {
    const std::lock_guard lock(shelf_->mutex);
    std::vector<ArtifactInfo> found;
    auto at = after ? shelf_->artifacts.upper_bound(*after) : shelf_->artifacts.begin();
    for (; at != shelf_->artifacts.end() && found.size() < limit; ++at) found.push_back(at->second.info);
    return found;
  }

  Result<ArtifactStats> stats() const override {
    const std::lock_guard lock(shelf_->mutex);
    return ArtifactStats{shelf_->artifacts.size(), shelf_->bytes};
  }

  Result<Collected> collect(const CollectRequest& request) override {
    BOOST_ASSERT_MSG(request.max > 0, "a call that looks at nothing would never come to the end");
    const bool by_name = !request.these.empty();
    auto candidates = request.these;
    if (!by_name) {
      for (const auto& info : *list(request.after, request.max)) candidates.push_back(info.id);
    }
    Collected collected;
    for (const auto& id : candidates) {
      std::uint64_t size = 0;
      const auto is_kept = [&] {
        const auto found = shelf_->find(id);
        if (found) size = found->info.size;
        return !found || found->info.created_at >= request.older_than || request.is_referenced(id);
      };
      const auto remove = [&] { static_cast<void>(shelf_->remove(id)); };
      if (shelf_->pins->remove_unless(id, is_kept, remove)) {
        collected.removed += 1;
        collected.bytes += size;
      }
      collected.examined += 1;
    }
    if (!by_name && candidates.size() == request.max) collected.next = candidates.back();
    return collected;
  }

  std::optional<Error> broken() const override { return std::nullopt; }

  Result<std::shared_ptr<ArtifactAppender>> output(JobId job, std::string_view name) override {
    if (auto fault = fault_of_output_name(name)) return std::move(*fault);
    const std::lock_guard lock(shelf_->mutex);
    auto& log = shelf_->logs[{job, std::string(name)}];
    if (!log) log = std::make_shared<Log>();
    return std::make_shared<Appender>(shelf_, log);
  }

  Result<void> drop_outputs(JobId job) override {
    const std::lock_guard lock(shelf_->mutex);
    std::erase_if(shelf_->logs, [&](const auto& entry) {
      if (entry.first.first != job) return false;
      ++entry.second->owner;
      return true;
    });
    return {};
  }

  Result<std::vector<JobId>> jobs_with_outputs() const override {
    const std::lock_guard lock(shelf_->mutex);
    std::vector<JobId> jobs;
    for (const auto& [key, log] : shelf_->logs) {
      if (jobs.empty() || jobs.back() != key.first) jobs.push_back(key.first);
    }
    return jobs;
  }

 private:
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

}  // namespace

std::unique_ptr<ArtifactStore> make_memory_artifacts(std::function<Timestamp()> now) {
  if (!now) now = [] { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); };
  return std::make_unique<MemoryArtifacts>(std::move(now));
}

Result<std::unique_ptr<ArtifactStore>> open_memory_artifacts(bool must_exist) {
  if (must_exist) return Error{ErrorCode::store_missing, "nothing was kept in memory yet"};
  return make_memory_artifacts();
}

}  // namespace coremachine
