// What libFuzzer calls. One program for all targets, as linking is most of what another one would cost;
// COREMACHINE_FUZZ_TARGET says which one it is.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/targets.hpp"

namespace {
const coremachine::fuzz::Target* target = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("COREMACHINE_FUZZ_TARGET");
  target = coremachine::fuzz::find_target(name == nullptr ? "" : name);
  if (target == nullptr) {
    std::fprintf(stderr, "COREMACHINE_FUZZ_TARGET has to name a target\n");
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
