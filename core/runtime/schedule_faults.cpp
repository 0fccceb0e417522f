#include "core/runtime/schedule_faults.hpp"

#include <string>
#include <utility>

namespace coremachine::runtime {

std::vector<ParamFault> as_param_faults(const std::vector<schedule::Fault>& faults) {
  std::vector<ParamFault> out;
  for (const auto& fault : faults) out.push_back({fault.pointer.substr(1), fault.detail});
  return out;
}

Error invalid_schedule(std::vector<ParamFault> faults) {
  const auto& first = faults.front();
  Error error{ErrorCode::invalid_params, "the schedule is not sound: "};
  error.message.append(first.pointer).append(first.pointer.empty() ? "" : " ").append(first.detail);
  if (const auto others = faults.size() - 1; others > 0) {
    error.message.append("; and ")
        .append(std::to_string(others))
        .append(others == 1 ? " other fault" : " other faults");
  }
  error.faults = std::move(faults);
  return error;
}

}  // namespace coremachine::runtime
