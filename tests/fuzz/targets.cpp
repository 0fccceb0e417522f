#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace coremachine::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"request_reader", request_reader},
      {"request_target", request_target},
      {"authority", authority},
      {"api_parameters", api_parameters},
      {"field_values", field_values},
      {"traceparent", traceparent},
      {"cursor", cursor},
      {"config_file", config_file},
      {"json_text", json_text},
      {"params_argument", params_argument},
      {"words", words},
#ifndef COREMACHINE_FUZZ_PARSERS_ALONE
      {"queue_entry", queue_entry},
#endif
      {"cron", cron},
      {"schedule_spec", schedule_spec},
      {"time_zone", time_zone},
  };
  return all;
}

const Target* find_target(std::string_view name) {
  const auto& all = targets();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& target) { return target.name == name; });
  return found == all.end() ? nullptr : &*found;
}

void require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "a promise is broken: %s\n", promise);
  std::abort();
}

}  // namespace coremachine::fuzz
