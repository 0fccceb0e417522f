#include "handlers/list_blobs.hpp"

#include <memory>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "handlers/container.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

constexpr std::size_t most_named = 100;

json::value to_json(const Blob& blob) {
  return {{"name", blob.name}, {"size", blob.size}, {"modified", to_rfc3339(blob.modified)}};
}

/// Keeps the first blobs in memory, and once they are too many writes all of them to an artifact as they come.
class Collected : public Listing {
 public:
  Collected(std::uint64_t limit, TaskContext& context) : limit_(limit), context_(context) {}

  bool cancelled() const override { return context_.cancelled(); }

  bool add(Blob blob) override {
    ++count_;
    if (lines_) {
      lines_->add(to_json(blob));
    } else {
      blobs_.push_back(to_json(blob));
      if (blobs_.size() > most_inline_blobs) begin_lines();
    }
    return count_ < limit_;
  }
  void skip() override { ++skipped_; }
  void miss(std::string_view name, std::string why) override {
    ++missed_count_;
    if (missed_.size() < most_named) missed_.push_back({{"name", quoted_path(std::string(name))}, {"error", why}});
  }

  json::object finish() {
    json::object result{{"blob_count", count_}};
    result.emplace("blobs", lines_ ? json::value(lines_->finish()) : json::value(std::move(blobs_)));
    if (skipped_ > 0) result.emplace("skipped", skipped_);
    if (missed_count_ > 0) {
      result.emplace("unreadable_count", missed_count_);
      result.emplace("unreadable", std::move(missed_));
    }
    return result;
  }

 private:
  void begin_lines() {
    lines_.emplace(context_.new_artifact());
    for (const auto& blob : blobs_) lines_->add(blob);
    blobs_ = {};
  }

  std::uint64_t limit_;
  TaskContext& context_;
  std::uint64_t count_ = 0;
  json::array blobs_ = {};
  std::optional<ArrayLines> lines_ = {};
  std::uint64_t skipped_ = 0;
  std::uint64_t missed_count_ = 0;
  json::array missed_ = {};
};

}  // namespace

void ArrayLines::add(const json::value& value) {
  text_ += empty_ ? "[\n" : ",\n";
  empty_ = false;
  text_ += json::serialize(value);
  constexpr std::size_t enough = 64 * 1024;
  if (text_.size() < enough) return;
  artifact_->write(text_);
  text_.clear();
}

json::object ArrayLines::finish() {
  text_ += empty_ ? "[]" : "\n]";
  artifact_->write(text_);
  return artifact_->finish();
}

void BlobSelection::rules(params::Fields<BlobSelection>& fields) {
  fields[&BlobSelection::container_name]
      .doc("a directory, or what GDAL can list, as /vsizip/FILE or /vsis3/BUCKET")
      .min_length(1);
  fields[&BlobSelection::prefix].doc("what the names of the blobs begin with").by_default();
  fields[&BlobSelection::limit].doc("at most so many, the first by name").at_least(1);
}

TaskResult list_blobs(const BlobSelection& selection, TaskContext& context) {
  Collected found(selection.limit ? static_cast<std::uint64_t>(*selection.limit) : UINT64_MAX, context);
  open_container(selection.container_name)->list(selection.prefix, found);
  if (context.cancelled()) return TaskFailure{.type = "cancelled", .message = "the listing was cancelled"};
  return found.finish();
}

TaskInfo list_blobs_info() {
  return {.description = "Lists the files of a directory and of all below it, or of another container",
          .tags = {"builtin", "storage"}};
}

}  // namespace coremachine::builtin
