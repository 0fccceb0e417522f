#pragma once

/// The version of these headers; the build takes it from here.
#define COREMACHINE_ENGINE_VERSION "0.1.0"

namespace coremachine {

inline constexpr const char* engine_version = COREMACHINE_ENGINE_VERSION;

}  // namespace coremachine
