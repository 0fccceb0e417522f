#include "triggers/cli/bench/child_process.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <system_error>

#include <coremachine/model/error.hpp>

namespace coremachine::cli {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

[[noreturn]] void be_child(std::optional<int> core, const std::function<void()>& body, int output) {
  int code = EXIT_FAILURE;
  try {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (core) run_on(*core);
    ::dup2(output, STDOUT_FILENO);
    ::close(output);
    body();
    code = EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coremachine: %s\n", error.what());
  }
  std::fflush(nullptr);
  ::_exit(code);  // what the parent has on its stack is the parent's to end
}

std::string read_line(int input) {
  std::string line;
  char byte = 0;
  while (::read(input, &byte, 1) == 1 && byte != '\n') line.push_back(byte);
  return line;
}

}  // namespace

ChildProcess::ChildProcess(std::optional<int> core, const std::function<void()>& body) {
  int ends[2];
  if (::pipe(ends) != 0) fail("cannot make a pipe");
  std::fflush(nullptr);
  process_ = ::fork();
  if (process_ < 0) fail("cannot make a process");
  if (process_ == 0) {
    ::close(ends[0]);
    be_child(core, body, ends[1]);
  }
  ::close(ends[1]);
  const auto line = read_line(ends[0]);
  ::close(ends[0]);
  const auto colon = line.rfind(':');
  if (colon != std::string::npos) port_ = static_cast<std::uint16_t>(std::atoi(line.c_str() + colon + 1));
  if (port_ != 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
  throw Failure(Error{ErrorCode::timed_out, "the server that was to be measured did not start"});
}

ChildProcess::~ChildProcess() {
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
}

std::uint64_t ChildProcess::resident_bytes() const {
  std::ifstream file("/proc/" + std::to_string(process_) + "/statm");
  std::uint64_t all = 0, resident = 0, of_files = 0;
  file >> all >> resident >> of_files;
  return (resident - of_files) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double ChildProcess::processor_seconds() const {
  std::ifstream file("/proc/" + std::to_string(process_) + "/stat");
  std::string word;
  for (int field = 1; field < 14; ++field) file >> word;
  double user = 0, system = 0;
  file >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Cores choose_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  Cores cores;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cores;
  std::optional<int> first;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed)) continue;
    if (first) return {first, core};
    first = core;
  }
  return cores;
}

bool run_on(int core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  return ::sched_setaffinity(0, sizeof one, &one) == 0;
}

}  // namespace coremachine::cli
