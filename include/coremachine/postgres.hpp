#pragma once

#include <coremachine/export.hpp>

namespace coremachine {

/// Lets `MachineOptions::store` be `postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME`. Call it before the first
/// machine is made. It is in the library CoreMachine::postgres, the component `postgres` of the CMake package.
COREMACHINE_API void enable_postgres();

}  // namespace coremachine
