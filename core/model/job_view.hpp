#pragma once

#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/view.hpp>

#include "core/model/job.hpp"

namespace coremachine {

/// The job as readers see it: texts parsed, rounds in order.
JobView make_view(const Job& job);

/// The same without its values: params and results.
JobView outline_of(const Job& job);
/// And these; null for none. They are the job's.
struct ValueTexts {
  const std::string* params = nullptr;
  const std::string* result = nullptr;
  std::vector<const std::string*> stage_results = {};  ///< as many as the view has stages
};
ValueTexts texts_of(const Job& job);

/// Appends the text of `to_json(view)`, without the tree. Returns nothing when that is done; otherwise what JSON cannot
/// say of it; then `out` is as it was.
std::optional<std::string> append_json(std::string& out, const JobView& view);
/// The same for `make_view(job)`, of whose values the texts are taken as they are. `out` is empty, or ends where a
/// value may begin.
void append_json(std::string& out, const Job& job);

}  // namespace coremachine
