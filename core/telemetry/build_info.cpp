#include "core/telemetry/build_info.hpp"

namespace coremachine::telemetry {

const std::string& version() {
  static const std::string text = COREMACHINE_VERSION;
  return text;
}

Metric build_info() {
  Metric info{"coremachine_build_info", "What was built; always 1.", MetricKind::gauge, {}};
  info.samples.push_back({.labels = {{"version", COREMACHINE_VERSION}, {"compiler", __VERSION__}}, .value = 1});
  return info;
}

}  // namespace coremachine::telemetry
