#include <coremachine/params/faults.hpp>

#include <algorithm>
#include <utility>

#include <boost/assert.hpp>

#include "core/model/utf8.hpp"

namespace coremachine::params {

namespace {

std::string in_message(const ParamFault& fault) {
  constexpr std::size_t longest_pointer = 200;
  if (fault.pointer.empty()) return fault.detail;
  if (fault.pointer.size() <= longest_pointer) return fault.pointer + " " + fault.detail;
  auto shown = fault.pointer.substr(0, longest_pointer);
  shown.resize(std::min(shown.size(), find_invalid_utf8(shown)));  // the last character may be cut in two
  return shown + "… " + fault.detail;
}

}  // namespace

Error invalid_params(std::vector<ParamFault> faults) {
  BOOST_ASSERT_MSG(!faults.empty(), "params are refused for something");
  Error error{ErrorCode::invalid_params, describe_faults(faults, 1)};
  error.faults = std::move(faults);
  return error;
}

std::string describe_faults(const std::vector<ParamFault>& faults, std::size_t named) {
  std::string text = "the params do not fit: ";
  const auto shown = std::min(named, faults.size());
  for (std::size_t i = 0; i < shown; ++i) text.append(i > 0 ? "; " : "").append(in_message(faults[i]));
  if (const auto others = faults.size() - shown; others > 0) {
    text.append("; and ").append(std::to_string(others)).append(others == 1 ? " other fault" : " other faults");
  }
  return text;
}

}  // namespace coremachine::params
