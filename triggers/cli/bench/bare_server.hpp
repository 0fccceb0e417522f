#pragma once

#include <cstddef>

namespace coremachine::cli {

/// What HTTP and JSON alone cost: a server of Boost.Beast coroutines on one thread, which reads each request whole,
/// takes its target and its JSON apart, and answers it with this status and a body of this size. Prints where it
/// listens, and serves until the process ends.
void serve_bare(unsigned status, std::size_t body_size);

}  // namespace coremachine::cli
