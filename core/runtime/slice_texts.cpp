#include "core/runtime/slice_texts.hpp"

#include <utility>

#include "core/model/json_text.hpp"

namespace coremachine::runtime {

Text stored_definitions(const Slice& slice, const Store& store) {
  auto segment = store.read_definitions(slice.job, slice.defined_in, slice.chunk);
  if (segment) return std::move(segment->body);
  throw Failure(Error{ErrorCode::store_damaged, "the definitions of job " + slice.job.str() + ", round " +
                                                    std::to_string(slice.defined_in) + ", chunk " +
                                                    std::to_string(slice.chunk) + " are not in the store"});
}

std::string error_text(const std::string& type, const std::string& message) {
  json::object error{{"type", type}, {"message", message}};
  std::string text;
  if (append_json(text, error)) {
    text.clear();
    error = {{"type", "error"}, {"message", "the error's own text is not valid UTF-8"}};
    append_json(text, error);
  }
  return text;
}

void hold_progress(LargeValues& large, const Text& progress, ArtifactHolds& holds) {
  try {
    large.hold_named(*progress, holds);
  } catch (const ArtifactFailure&) {
  }
}

}  // namespace coremachine::runtime
