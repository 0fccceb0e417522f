// Whole scenarios as transcripts that a person can review. Where the engine changes on purpose,
// COREMACHINE_GOLDEN=rewrite brings them up to date; the difference is then for the reviewer.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/golden/transcript.hpp"

namespace {

namespace fs = std::filesystem;

/// Commands begin with "> ", what follows from them is indented, everything else is for the reader and kept.
std::string replay(const std::string& text) {
  coremachine::golden::Transcript transcript;
  std::istringstream in(text);
  std::string line, out;
  while (std::getline(in, line)) {
    if (line.starts_with("    ")) continue;
    out += line + '\n';
    if (!line.starts_with("> ")) continue;
    for (const auto& each : transcript.play(line.substr(2))) out += "    " + each + '\n';
  }
  return out;
}

}  // namespace

TEST_SUITE("golden: scenarios") {
  TEST_CASE("every scenario takes the course that is written down") {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(COREMACHINE_TESTS_DIR) / "golden")) {
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 10);
    const auto* mode = std::getenv("COREMACHINE_GOLDEN");
    for (const auto& file : files) {
      CAPTURE(file.filename().string());
      std::ostringstream text;
      text << std::ifstream(file).rdbuf();
      const auto now = replay(text.str());
      if (mode && std::string(mode) == "rewrite") {
        std::ofstream(file) << now;
        continue;
      }
      CHECK(now == text.str());
    }
  }
}
