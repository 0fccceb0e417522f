#include "core/store/files/artifact_files.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include <boost/assert.hpp>

#include "core/store/files/artifact_reader.hpp"
#include "core/store/files/output_appender.hpp"
#include "core/store/files/shelf.hpp"
#include "core/store/files/trailer.hpp"

namespace coremachine {

namespace files {

namespace {

constexpr std::string_view log_ending = ".log";

class ArtifactFiles final : public ArtifactStore {
 public:
  explicit ArtifactFiles(std::shared_ptr<Tree> tree) : tree_(std::move(tree)), shelf_(std::make_shared<Shelf>(tree_)) {}

  Result<std::unique_ptr<ArtifactWriter>> begin(std::string_view media_type) override {
    return make_writer(shelf_, media_type);
  }

  Result<Pinned> pin(const ArtifactId& id) override {
    auto pin = shelf_->pins().pin(id);
    auto found = info(id);
    if (!found) return found.error();
    return Pinned{std::move(*found), std::move(pin)};
  }

  Result<std::unique_ptr<ArtifactReader>> open(const ArtifactId& id) const override {
    auto file = open_file(id);
    if (!file) return file.error();
    auto found = read_info(*file, id);
    if (!found) return found.error();
    return make_reader(std::move(*file), std::move(*found));
  }

  Result<ArtifactInfo> info(const ArtifactId& id) const override {
    const auto file = open_file(id);
    if (!file) return file.error();
    return read_info(*file, id);
  }

  Result<void> remove(const ArtifactId& id) override {
    Result<void> outcome = pinned_artifact(id);
    shelf_->pins().remove_unless(
        id, [] { return false; }, [&] { outcome = shelf_->remove(id); });
    return outcome;
  }

  Result<std::vector<ArtifactInfo>> list(const std::optional<ArtifactId>& after, std::size_t limit) const override;
  Result<ArtifactStats> stats() const override { return shelf_->stats(); }
  Result<Collected> collect(const CollectRequest& request) override;
  std::optional<Error> broken() const override { return tree_->broken(); }

  Result<std::shared_ptr<ArtifactAppender>> output(JobId job, std::string_view name) override;
  Result<void> drop_outputs(JobId job) override;
  Result<std::vector<JobId>> jobs_with_outputs() const override;

 private:
  Result<File> open_file(const ArtifactId& id) const {
    auto file = File::open(tree_->calls(), tree_->path_of(id), false);
    if (!file && file.error().code == ErrorCode::store_missing) return missing_artifact(id);
    return file;
  }
  Result<void> add_info(const ArtifactId& id, std::vector<ArtifactInfo>& to) const;
  Result<void> collect_one(const ArtifactId& id, const CollectRequest& request, Collected& collected);
  std::string directory_of(JobId job) const { return tree_->outputs() + "/" + job.str(); }

  std::shared_ptr<Tree> tree_;
  std::shared_ptr<Shelf> shelf_;
  std::mutex outputs_mutex_;
  std::map<std::pair<JobId, std::string>, std::weak_ptr<OutputAppender>> outputs_;  ///< those in use, and some more
};

Result<std::vector<ArtifactInfo>> ArtifactFiles::list(const std::optional<ArtifactId>& after, std::size_t limit) const {
  std::vector<ArtifactInfo> found;
  auto from = after;
  do {
    const auto ids = tree_->ids(from, limit);
    if (!ids) return ids.error();
    if (ids->empty()) break;
    for (const auto& id : *ids) {
      if (const auto added = add_info(id, found); !added) return added.error();
    }
    from = ids->back();
  } while (found.empty());  // all of them were removed meanwhile; that is not the end
  return found;
}

Result<void> ArtifactFiles::add_info(const ArtifactId& id, std::vector<ArtifactInfo>& to) const {
  auto known = info(id);
  if (known) {
    to.push_back(std::move(*known));
    return {};
  }
  if (known.error().code == artifact_missing) return {};
  if (known.error().code != ErrorCode::store_damaged) return known.error();
  if (const auto status = status_of(tree_->path_of(id))) {
    to.push_back(ArtifactInfo{id, status->size, {}, status->modified});
  }
  return {};
}

Result<void> ArtifactFiles::collect_one(const ArtifactId& id, const CollectRequest& request, Collected& collected) {
  Result<void> outcome;
  std::uint64_t file_size = 0;
  const auto is_kept = [&] {
    const auto status = status_of(tree_->path_of(id));
    if (!status) {
      if (status.error().code != artifact_missing) outcome = status.error();
      return true;
    }
    file_size = status->size;
    return status->modified >= request.older_than || request.is_referenced(id);
  };
  const auto remove = [&] { outcome = shelf_->remove(id); };
  if (!shelf_->pins().remove_unless(id, is_kept, remove) || !outcome) return outcome;
  collected.removed += 1;
  collected.bytes += file_size - std::min<std::uint64_t>(file_size, trailer_size);
  return outcome;
}

Result<Collected> ArtifactFiles::collect(const CollectRequest& request) {
  BOOST_ASSERT_MSG(request.max > 0, "a call that looks at nothing would never come to the end");
  const bool by_name = !request.these.empty();
  const auto ids = by_name ? request.these : tree_->ids(request.after, request.max);
  if (!ids) return ids.error();
  Collected collected;
  for (const auto& id : *ids) {
    if (const auto done = collect_one(id, request, collected); !done) return done.error();
    collected.examined += 1;
  }
  if (!by_name && !ids->empty() && ids->size() == request.max) collected.next = ids->back();
  return collected;
}

Result<std::shared_ptr<ArtifactAppender>> ArtifactFiles::output(JobId job, std::string_view name) {
  if (auto fault = fault_of_output_name(name)) return std::move(*fault);
  const std::lock_guard lock(outputs_mutex_);
  const auto key = std::pair(job, std::string(name));
  if (const auto found = outputs_.find(key); found != outputs_.end()) {
    if (auto in_use = found->second.lock(); in_use && !in_use->is_over()) return in_use;
  }
  std::erase_if(outputs_, [](const auto& entry) { return entry.second.expired(); });
  if (auto broken = tree_->broken()) return std::move(*broken);
  if (const auto made = make_directory(tree_->calls(), directory_of(job)); !made) return made.error();
  if (const auto synced = tree_->sync_names(tree_->outputs()); !synced) return synced.error();
  auto opened = OutputAppender::open(shelf_, directory_of(job) + "/" + key.second + std::string(log_ending));
  if (!opened) return opened.error();
  outputs_.insert_or_assign(key, *opened);
  return std::shared_ptr<ArtifactAppender>(std::move(*opened));
}

Result<void> ArtifactFiles::drop_outputs(JobId job) {
  const std::lock_guard lock(outputs_mutex_);
  std::erase_if(outputs_, [&](const auto& entry) {
    if (entry.first.first != job) return false;
    if (const auto in_use = entry.second.lock()) in_use->drop();
    return true;
  });
  const auto directory = directory_of(job);
  const auto names = names_in(directory);
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (const auto removed = remove_file(directory + "/" + name); !removed) return removed.error();
  }
  return remove_directory(directory);
}

Result<std::vector<JobId>> ArtifactFiles::jobs_with_outputs() const {
  const auto names = names_in(tree_->outputs());
  if (!names) return names.error();
  std::vector<JobId> jobs;
  for (const auto& name : *names) {
    if (const auto job = JobId::parse(name)) jobs.push_back(*job);
  }
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

}  // namespace

}  // namespace files

Result<std::unique_ptr<ArtifactStore>> open_artifact_files(const ArtifactFilesOptions& options) {
  auto tree = files::Tree::open(options);
  if (!tree) return tree.error();
  return std::make_unique<files::ArtifactFiles>(std::move(*tree));
}

}  // namespace coremachine
