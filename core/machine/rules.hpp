#pragma once

#include <cstddef>
#include <cstdint>

#include <coremachine/model/time.hpp>

namespace coremachine::machine {

/// The numbers that the machines go by.
struct Rules {
  std::uint8_t poison_deaths = 5;        ///< deaths of the process, with the task running alone, that end it
  Milliseconds alone_at_most{30'000};    ///< before others run beside a suspect that takes long
  Milliseconds grace{10'000};            ///< for attempts that were asked to end
  std::uint64_t inline_tasks = 16;       ///< a round of up to so many tasks lives in its job's row
  std::size_t inline_bytes = 16 * 1024;  ///< … until its texts exceed this
  std::size_t kept_definitions =
      64U << 20U;                      ///< bytes of a round's definitions that stay in memory; the rest is read again
  std::size_t max_signals = 1'000;     ///< that wait for a gate, of one job
  std::uint32_t max_rounds = 100'000;  ///< of one job: a bound on endless stages
};

}  // namespace coremachine::machine
