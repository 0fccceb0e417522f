#pragma once

#include <coremachine/model/error.hpp>
#include <coremachine/model/view.hpp>

namespace coremachine::cli {

/// What the program tells the shell.
enum class ExitCode : int {
  done = 0,
  job_failed = 1,
  usage = 2,
  not_found = 3,
  unreachable = 4,
  not_allowed = 5,
  not_written = 74,  ///< as EX_IOERR of sysexits.h
  timed_out = 124,
  interrupted = 130,
  nobody_reads = 141,  ///< as of a program that SIGPIPE ended
};

ExitCode exit_code_for(const Error& error);
/// Of a job that is over.
ExitCode exit_code_for(const JobView& job);

}  // namespace coremachine::cli
