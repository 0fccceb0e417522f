#pragma once

#include <stdexcept>
#include <string_view>

#include "handlers/params_reader.hpp"

namespace coremachine::builtin {

/// How a job handler refuses the params of its job: one exception that names every fault.
inline void require_job_fit(const ParamsReader& reader, std::string_view job_type) {
  if (const auto fault = reader.fault(job_type)) throw std::invalid_argument(*fault);
}

}  // namespace coremachine::builtin
