#include "core/runtime/fold_stage.hpp"

#include <string>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/runtime/chunk_writer.hpp"

namespace coremachine::runtime {
namespace {

/// Segments are read by so many chunks at a time.
constexpr ChunkNumber chunks_at_once = 256;
/// A folded value is measured after so many merges: it can only have grown so much in between.
constexpr std::size_t merges_between_checks = 256;

class Folding {
 public:
  Folding(const StageFold& fold, LargeValues& large, int stage)
      : fold_(fold), large_(large), stage_(stage), folded_(fold.init()) {}

  void take_folded(const Text& folded) {
    fold_.merge(folded_, parse_stored(*folded));
    if (++merges_ % merges_between_checks == 0) folded_text(folded_, stage_);
  }
  void take_results(const OutcomeSegment& segment) {
    const auto values = parse_stored(*segment.body);
    for (std::uint32_t i = 0; i < segment.count; ++i) {
      const auto index = TaskIndex{segment.chunk} * chunk_size + segment.offset_at(i);
      const auto& value = values.as_array()[i];
      const auto kept = parse_automatic_reference(value);
      if (kept) {
        fold_.step(folded_, index, large_.load(*kept));
      } else {
        fold_.step(folded_, index, value);
      }
    }
  }
  const json::value& folded() const { return folded_; }

 private:
  const StageFold& fold_;
  LargeValues& large_;
  int stage_;
  json::value folded_;
  std::size_t merges_ = 0;
};

}  // namespace

Text folded_text(const json::value& folded, int stage) {
  const auto refuse = [&](std::string why) {
    Error error{ErrorCode::handler_contract,
                "the folded value of stage " + std::to_string(stage) + " " + std::move(why)};
    error.stage = stage;
    throw BrokenContract{std::move(error)};
  };
  std::string text;
  if (const auto fault = append_json(text, folded)) refuse("is not valid JSON: " + *fault);
  if (text.size() > StageFold::max_bytes) {
    refuse("has " + std::to_string(text.size()) + " bytes, and " + std::to_string(StageFold::max_bytes) +
           " are allowed: what collects belongs into an append-only output artifact");
  }
  return make_text(std::move(text));
}

json::object fold_stage(const StageFold& fold, const machine::HandlerCall& call, const Store& store, LargeValues& large,
                        const StageOutcome& outcome) {
  Folding folding(fold, large, call.boundary.stage);
  if (call.is_inline) {
    for (const auto& segment : call.outcomes) {
      if (segment.kind == OutcomeKind::completed) folding.take_results(segment);
    }
  }
  const auto chunks = call.is_inline ? 0 : static_cast<ChunkNumber>((call.counts.total + chunk_size - 1) / chunk_size);
  for (ChunkNumber from = 0; from < chunks; from += chunks_at_once) {
    OutcomeQuery query;
    query.job = call.job;
    query.rounds = call.rounds;
    query.from = from;
    query.to = from + chunks_at_once;
    query.others = false;
    query.bodies = false;
    ChunkNumber unfolded = chunks;
    for (const auto& segment : store.read_outcomes(query)) {
      if (segment.carry) {
        folding.take_folded(segment.carry);
        continue;
      }
      // Few are not folded: a chunk with such a segment is read once more, with its results.
      if (segment.chunk == unfolded) continue;
      unfolded = segment.chunk;
      auto again = query;
      again.from = segment.chunk;
      again.to = segment.chunk + 1;
      again.bodies = true;
      for (const auto& whole : store.read_outcomes(again)) {
        if (!whole.carry) folding.take_results(whole);
      }
    }
  }
  folded_text(folding.folded(), call.boundary.stage);
  return fold.finish(folding.folded(), outcome);
}

}  // namespace coremachine::runtime
