#pragma once

#include <string>
#include <vector>

namespace coremachine::testing {

/// A document of the public JSON test suite, see tests/model/json_test_suite.
struct JsonCase {
  std::string name;
  std::string text;
  bool accepted = false;  ///< by us, wherever JSON comes from outside
};

/// All of them. Throws where the file or the verdicts are not as they should be.
const std::vector<JsonCase>& json_test_suite();

}  // namespace coremachine::testing
