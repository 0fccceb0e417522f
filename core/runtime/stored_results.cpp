#include "core/runtime/stored_results.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/model/segment.hpp"

namespace coremachine::runtime {
namespace {

json::value parse_body(const OutcomeSegment& segment) {
  return parse_stored(*segment.body);
}

class StoredResults final : public ResultSource {
 public:
  StoredResults(const machine::HandlerCall& call, const Store& store, HandlerArtifacts& artifacts)
      : call_(call), store_(store), artifacts_(artifacts) {}

  json::value load(const ArtifactReference& reference) const override { return artifacts_.load(reference); }
  std::unique_ptr<NewArtifact> new_artifact(std::string_view media_type) const override {
    return artifacts_.begin(media_type);
  }
  json::object seal_output(std::string_view name) const override {
    return artifacts_.seal(call_.defined_in.at(call_.boundary.stage), name);
  }

  const json::value* signal() const override {
    if (call_.signal && !signal_) {
      signal_ = call_.signal->data ? parse_stored(*call_.signal->data) : json::value();
      if (const auto kept = parse_automatic_reference(*signal_)) signal_ = artifacts_.load(*kept);
    }
    return signal_ ? &*signal_ : nullptr;
  }

  std::uint64_t total() const override { return call_.counts.total; }
  std::uint64_t completed() const override { return call_.counts.completed; }
  std::uint64_t failed() const override { return call_.counts.failed + call_.counts.dead; }
  std::size_t pages() const override { return static_cast<std::size_t>((total() + chunk_size - 1) / chunk_size); }

  Page page(std::size_t number) const override {
    std::vector<std::pair<TaskIndex, json::value>> found;
    bool sorted = true;
    for (const auto& segment : segments(static_cast<ChunkNumber>(number), true)) {
      auto values = parse_body(segment);
      auto& array = values.as_array();
      for (std::uint32_t i = 0; i < segment.count; ++i) {
        const auto index = TaskIndex{number} * chunk_size + segment.offset_at(i);
        sorted = sorted && (found.empty() || found.back().first < index);
        found.emplace_back(index, std::move(array[i]));
      }
    }
    if (!sorted) {
      std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    Page page;
    page.indexes.reserve(found.size());
    page.values.reserve(found.size());
    for (auto& [index, value] : found) {
      page.indexes.push_back(index);
      page.values.push_back(std::move(value));
    }
    return page;
  }

  std::vector<TaskFailureRecord> failures(std::size_t limit) const override {
    std::vector<TaskFailureRecord> records;
    if (failed() == 0) return records;
    for (std::size_t number = 0; number < pages() && records.size() < limit; ++number) add_failures(number, records);
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
    if (records.size() > limit) records.resize(limit);
    return records;
  }

 private:
  std::vector<OutcomeSegment> segments(ChunkNumber chunk, bool completed) const {
    if (call_.is_inline) {
      std::vector<OutcomeSegment> of_kind;
      std::copy_if(call_.outcomes.begin(), call_.outcomes.end(), std::back_inserter(of_kind), [&](const auto& segment) {
        return segment.chunk == chunk && (segment.kind == OutcomeKind::completed) == completed;
      });
      return of_kind;
    }
    OutcomeQuery query;
    query.job = call_.job;
    query.rounds = call_.rounds;
    query.from = chunk;
    query.to = chunk + 1;
    query.completed = completed;
    query.others = !completed;
    return store_.read_outcomes(query);
  }

  void add_failures(std::size_t number, std::vector<TaskFailureRecord>& records) const {
    for (const auto& segment : segments(static_cast<ChunkNumber>(number), false)) {
      if (!is_final(segment.kind) || segment.round != call_.rounds.back()) continue;
      const auto body = parse_body(segment);
      for (std::uint32_t i = 0; i < segment.count; ++i) {
        const auto& error = segment.one_for_all ? body.as_object() : body.as_array()[i].as_object();
        TaskFailureRecord record;
        record.index = TaskIndex{number} * chunk_size + segment.offset_at(i);
        record.attempt = segment.attempt_at(i);
        if (const auto* type = error.if_contains("type")) record.type = std::string(type->as_string());
        if (const auto* message = error.if_contains("message")) record.message = std::string(message->as_string());
        records.push_back(std::move(record));
      }
    }
  }

  const machine::HandlerCall& call_;
  const Store& store_;
  HandlerArtifacts& artifacts_;
  mutable std::optional<json::value> signal_ = {};
};

}  // namespace

std::shared_ptr<const ResultSource> make_result_source(const machine::HandlerCall& call, const Store& store,
                                                       HandlerArtifacts& artifacts) {
  return std::make_shared<StoredResults>(call, store, artifacts);
}

}  // namespace coremachine::runtime
