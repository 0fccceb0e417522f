#include "jobs/list_container.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace coremachine::builtin {

namespace {

constexpr int list_stage = 1;
constexpr int analyze_stage = 2;
/// So many analyses are part of the result itself; more are an artifact.
constexpr std::size_t most_in_result = 1000;
constexpr std::size_t most_failures = 100;

TaskDefinition analysis_of(const std::string& container, const json::value& blob) {
  return {"analyze_blob", {{"container_name", container}, {"name", blob.at("name")}}};
}

/// Reads the lines of an artifact that ArrayLines has made, from an offset that is the beginning of one.
class LineReader {
 public:
  LineReader(std::unique_ptr<ArtifactContent> content, std::uint64_t offset)
      : content_(std::move(content)), offset_(offset) {}

  /// Good until the next call; nothing at the end.
  std::optional<std::string_view> next() {
    auto end = text_.find('\n', begin_);
    while (end == std::string::npos && read_more()) end = text_.find('\n', begin_);
    if (begin_ == text_.size()) return std::nullopt;
    end = std::min(end, text_.size());
    const auto line = std::string_view(text_).substr(begin_, end - begin_);
    begin_ = std::min(end + 1, text_.size());
    return line;
  }
  /// Where the next line begins.
  std::uint64_t offset() const { return offset_ - (text_.size() - begin_); }

 private:
  bool read_more() {
    constexpr std::size_t piece = 256 * 1024;
    text_.erase(0, begin_);
    begin_ = 0;
    const auto before = text_.size();
    text_.resize(before + piece);
    const auto n = content_->read(offset_, text_.data() + before, piece);
    text_.resize(before + n);
    offset_ += n;
    return n > 0;
  }

  std::unique_ptr<ArtifactContent> content_;
  std::uint64_t offset_;  ///< of what was not read yet
  std::string text_ = {};
  std::size_t begin_ = 0;
};

json::array failures_of(const StageResults& results) {
  json::array failures;
  for (const auto& failure : results.failures(most_failures)) {
    failures.push_back({{"index", failure.index}, {"type", failure.type}, {"message", failure.message}});
  }
  return failures;
}

}  // namespace

JobInfo ListContainerJob::info() {
  return {.description = "Lists the files below a directory, or the blobs of another container, and analyses each",
          .tags = {"builtin", "storage"},
          .stages = {"list_blobs: lists the container", "analyze_blob: one task for each blob"}};
}

std::vector<TaskDefinition> ListContainerJob::create_stage_tasks(int stage, const JobContext& context) const {
  const auto selection = params(context);
  if (stage == list_stage) return {TaskDefinition{"list_blobs", params::to_json(selection)}};
  std::vector<TaskDefinition> tasks;
  for (const auto& blob : context.stage_result(list_stage).at("blobs").as_array()) {
    tasks.push_back(analysis_of(selection.container_name, blob));
  }
  return tasks;
}

StagePolicy ListContainerJob::stage_policy(int stage, const JobContext& context) const {
  if (stage == list_stage) return {};
  return {.join = JoinBestEffort{}, .lazy = !context.stage_result(list_stage).at("blobs").is_array()};
}

std::optional<json::value> ListContainerJob::pull_stage_tasks(int, const JobContext& context, const json::value& cursor,
                                                              TaskSink& tasks) const {
  const auto container = params(context).container_name;
  LineReader lines(context.open_artifact(context.stage_result(list_stage).at("blobs")),
                   cursor.is_null() ? 0 : cursor.to_number<std::uint64_t>());
  while (!tasks.full()) {
    auto line = lines.next();
    if (!line) return std::nullopt;
    if (!line->starts_with('{')) continue;
    if (line->ends_with(',')) line->remove_suffix(1);
    tasks.add(analysis_of(container, json::parse(json::string_view(line->data(), line->size()))));
  }
  return lines.offset();
}

json::object ListContainerJob::aggregate_stage_results(int stage, const StageResults& results) const {
  if (stage == list_stage) return results[0].as_object();
  std::uint64_t total_size = 0;
  json::array analyses;
  std::optional<ArrayLines> lines;
  if (results.size() > most_in_result) lines.emplace(results.new_artifact());
  for (const auto& analysis : results) {
    total_size += analysis.at("size").to_number<std::uint64_t>();
    if (lines) {
      lines->add(analysis);
    } else {
      analyses.push_back(analysis);
    }
  }
  json::object result{{"total_blobs", results.size()}, {"total_size", total_size}};
  result.emplace("analyses", lines ? json::value(lines->finish()) : json::value(std::move(analyses)));
  if (results.failed() > 0) {
    result.emplace("failed_blobs", results.failed());
    result.emplace("failures", failures_of(results));
  }
  return result;
}

bool ListContainerJob::should_advance_stage(int stage, const JobContext&) const {
  return stage < analyze_stage;
}

json::object ListContainerJob::get_final_result(const JobContext& context) const {
  const auto& listed = context.stage_result(list_stage);
  json::object result{{"container", params(context).container_name}, {"blob_count", listed.at("blob_count")}};
  for (const char* left_out : {"skipped", "unreadable_count", "unreadable"}) {
    if (const auto* value = listed.if_contains(left_out)) result.emplace(left_out, *value);
  }
  result.emplace("analysis", context.stage_result(analyze_stage));
  return result;
}

}  // namespace coremachine::builtin
