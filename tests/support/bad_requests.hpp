#pragma once

#include <string>
#include <vector>

namespace coremachine::testing {

/// Bytes that no server should take, and the status with which they are refused. After it the connection is closed.
struct BadRequest {
  std::string name;
  std::string bytes;
  int status;
};

/// All of them, under the default limits: 8 KiB of target, 8 KiB of header, 1 MiB of body.
const std::vector<BadRequest>& bad_requests();

}  // namespace coremachine::testing
