#include "core/runtime/large_values.hpp"

#include <utility>

#include "core/model/json_text.hpp"

namespace coremachine::runtime {

ArtifactStore& LargeValues::store() {
  const std::lock_guard lock(mutex_);
  if (store_) return *store_;
  if (!open_) throw Failure(Error{ErrorCode::invalid_argument, "this machine has no store for artifacts"});
  auto opened = open_();
  if (!opened) throw Failure(opened.error());
  store_ = std::move(*opened);
  return *store_;
}

boost::json::object LargeValues::keep(const boost::json::value& value) {
  std::string text;
  if (const auto fault = append_json(text, value)) {
    throw Failure(Error{ErrorCode::handler_contract, "the value of an artifact is not valid JSON: " + *fault});
  }
  // Nothing collects artifacts while the machine runs, so the pin need not be held.
  const auto kept = store().put(text, "application/json");
  if (!kept) throw Failure(kept.error());
  return to_json(reference_to(kept->info));
}

std::unique_ptr<ArtifactReader> LargeValues::open(const ArtifactId& id) {
  auto reader = store().open(id);
  if (!reader) throw Failure(reader.error());
  return std::move(*reader);
}

Result<std::string> LargeValues::read(const ArtifactId& id, std::uint64_t limit) {
  try {
    auto reader = store().open(id);
    if (!reader) return reader.error();
    return (*reader)->read_all(limit);
  } catch (const Failure& failure) {
    return failure.error();
  }
}

}  // namespace coremachine::runtime
