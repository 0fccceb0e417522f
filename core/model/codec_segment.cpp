#include <algorithm>
#include <array>
#include <utility>

#include "core/model/codec.hpp"

namespace coremachine::codec {
namespace {

constexpr std::array kinds{OutcomeKind::completed, OutcomeKind::failed, OutcomeKind::dead,
                           OutcomeKind::retrying,  OutcomeKind::lost,   OutcomeKind::progress};

void write_body(JsonWriter& out, const Text& body) {
  if (!body) return;
  out.key("body");
  out.raw(*body);
}

}  // namespace

std::string_view to_string(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::completed: return "completed";
    case OutcomeKind::failed: return "failed";
    case OutcomeKind::dead: return "dead";
    case OutcomeKind::retrying: return "retrying";
    case OutcomeKind::lost: return "lost";
    case OutcomeKind::progress: return "progress";
  }
  return "?";
}

std::optional<OutcomeKind> outcome_kind_from(std::string_view text) {
  for (const auto kind : kinds) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

void write_segment(JsonWriter& out, const DefinitionSegment& segment, RoundNumber home) {
  out.begin_object();
  out.member("round", segment.round, home);
  out.member("chunk", segment.chunk, ChunkNumber{0});
  out.member("first", segment.first, TaskIndex{0});
  out.key("count");
  out.number(segment.count);
  out.member("spec", segment.spec, SpecNumber{0});
  out.numbers_member("specs", segment.specs);
  write_body(out, segment.body);
  out.end_object();
}

DefinitionSegment read_definition_segment(JsonReader& in, RoundNumber home) {
  DefinitionSegment segment;
  segment.round = home;
  in.object([&](std::string_view name) {
    if (name == "round") return in.to(segment.round);
    if (name == "chunk") return in.to(segment.chunk);
    if (name == "first") return in.to(segment.first);
    if (name == "count") return in.to(segment.count);
    if (name == "spec") return in.to(segment.spec);
    if (name == "specs") return in.to(segment.specs);
    if (name == "body") return in.to(segment.body);
    in.mismatch("a definition has an unknown member");
  });
  return segment;
}

void write_segment(JsonWriter& out, const OutcomeSegment& segment, RoundNumber home) {
  out.begin_object();
  out.member("round", segment.round, home);
  out.member("chunk", segment.chunk, ChunkNumber{0});
  out.member("sequence", segment.sequence, std::uint32_t{0});
  out.key("kind");
  out.word(to_string(segment.kind));
  out.member("first", segment.first, ChunkOffset{0});
  out.key("count");
  out.number(segment.count);
  out.numbers_member("offsets", segment.offsets);
  out.member("attempt", segment.attempt, std::uint32_t{1});
  out.numbers_member("attempts", segment.attempts);
  out.key("started_at");
  out.number(segment.started_at);
  out.key("finished_at");
  out.number(segment.finished_at);
  out.numbers_member("finished_ms", segment.finished_ms);
  out.numbers_member("due_ms", segment.due_ms);
  if (!segment.worker.empty()) {
    out.key("worker");
    out.string(segment.worker);
  }
  out.flag("one_for_all", segment.one_for_all);
  out.member("event", segment.event, std::uint64_t{0});
  if (segment.carry) {
    out.key("carry");
    out.raw(*segment.carry);
  }
  write_body(out, segment.body);
  out.end_object();
}

OutcomeSegment read_outcome_segment(JsonReader& in, RoundNumber home) {
  OutcomeSegment segment;
  segment.round = home;
  const auto read_kind = [&] {
    const auto kind = outcome_kind_from(in.plain_string());
    if (!kind) in.mismatch("an outcome has an unknown kind");
    segment.kind = *kind;
  };
  in.object([&](std::string_view name) {
    if (name == "round") return in.to(segment.round);
    if (name == "chunk") return in.to(segment.chunk);
    if (name == "sequence") return in.to(segment.sequence);
    if (name == "kind") return read_kind();
    if (name == "first") return in.to(segment.first);
    if (name == "count") return in.to(segment.count);
    if (name == "offsets") return in.to(segment.offsets);
    if (name == "attempt") return in.to(segment.attempt);
    if (name == "attempts") return in.to(segment.attempts);
    if (name == "started_at") return in.to(segment.started_at);
    if (name == "finished_at") return in.to(segment.finished_at);
    if (name == "finished_ms") return in.to(segment.finished_ms);
    if (name == "due_ms") return in.to(segment.due_ms);
    if (name == "worker") return in.to(segment.worker);
    if (name == "one_for_all") return in.to(segment.one_for_all);
    if (name == "event") return in.to(segment.event);
    if (name == "carry") return in.to(segment.carry);
    if (name == "body") return in.to(segment.body);
    in.mismatch("an outcome has an unknown member");
  });
  return segment;
}

std::optional<std::string> fault_of(const DefinitionSegment& segment) {
  if (segment.count > chunk_size) return "a chunk has an impossible number of tasks";
  if (!segment.specs.empty() && segment.specs.size() != segment.count)
    return "a chunk has specs for other tasks than its own";
  return std::nullopt;
}

std::optional<std::string> fault_of(const OutcomeSegment& segment) {
  const auto fits = [&](const auto& list) { return list.empty() || list.size() == segment.count; };
  const auto beyond = [](ChunkOffset offset) { return offset >= chunk_size; };
  if (segment.count == 0 || segment.count > chunk_size) return "outcomes have an impossible number";
  if (segment.first >= chunk_size) return "outcomes lie outside of their chunk";
  if (segment.offsets.empty() && segment.first + segment.count > chunk_size)
    return "outcomes lie outside of their chunk";
  if (std::any_of(segment.offsets.begin(), segment.offsets.end(), beyond)) return "outcomes lie outside of their chunk";
  if (!fits(segment.offsets) || !fits(segment.attempts) || !fits(segment.finished_ms)) {
    return "outcomes have lists of different lengths";
  }
  const bool retrying = segment.kind == OutcomeKind::retrying;
  const bool due_fits = segment.due_ms.size() == 1 || segment.due_ms.size() == segment.count;
  if (retrying ? !due_fits : !segment.due_ms.empty()) return "outcomes have retry times that do not fit them";
  return std::nullopt;
}

std::optional<std::string> fault_of(const std::vector<SharedSpec>& specs,
                                    const std::vector<DefinitionSegment>& definitions,
                                    const std::vector<OutcomeSegment>& outcomes) {
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    const auto& segment = definitions[i];
    if (auto fault = fault_of(segment)) return fault;
    if (segment.chunk != i || segment.first != i * chunk_size) return "a chunk is not where it belongs";
    if (i + 1 < definitions.size() && segment.count != chunk_size) return "a chunk before the last is not full";
    for (ChunkOffset offset = 0; offset < (segment.specs.empty() ? 1 : segment.count); ++offset) {
      if (segment.spec_of(offset) >= specs.size()) return "a task has a spec that is not there";
    }
  }
  for (const auto& segment : outcomes) {
    if (auto fault = fault_of(segment)) return fault;
    if (segment.chunk >= definitions.size()) return "an outcome belongs to no chunk";
    const auto tasks = definitions[segment.chunk].count;
    for (std::uint32_t i = 0; i < segment.count; ++i) {
      if (segment.offset_at(i) >= tasks) return "an outcome belongs to no task";
    }
  }
  return std::nullopt;
}

}  // namespace coremachine::codec
