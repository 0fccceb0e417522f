#pragma once

#include <optional>
#include <string>

#include <coremachine/model/view.hpp>

#include "core/model/job.hpp"

namespace coremachine {

/// The job as readers see it: texts parsed, rounds in order.
JobView make_view(const Job& job);

/// Appends the text of `to_json(view)`, without the tree. Returns nothing when that is done; otherwise what JSON cannot
/// say of it; then `out` is as it was.
std::optional<std::string> append_json(std::string& out, const JobView& view);

}  // namespace coremachine
