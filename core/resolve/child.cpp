#include "core/resolve/child.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace coremachine::resolve {
namespace {

[[noreturn]] void give_up(int failed) {
  const int why = errno;
  // Nothing can be done about it here if even this fails: the exit status says that it did not begin.
  [[maybe_unused]] const auto written = ::write(failed, &why, sizeof why);
  ::_exit(127);
}

void limit(int failed, decltype(RLIMIT_AS) resource, std::uint64_t most) {
  const rlimit both{most, most};
  if (::setrlimit(resource, &both) != 0) give_up(failed);
}

/// So that the program inherits none of them.
void close_all_at_exec() {
  constexpr unsigned first = 3;
  if (::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit most{};
  ::getrlimit(RLIMIT_NOFILE, &most);
  const auto end = static_cast<int>(most.rlim_cur < 65'536 ? most.rlim_cur : 65'536);
  for (int number = first; number < end; ++number) ::fcntl(number, F_SETFD, FD_CLOEXEC);
}

/// After fork in a process with threads: system calls alone.
[[noreturn]] void become(const ChildPlan& plan, pid_t parent) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.complaint, 2) < 0) give_up(plan.failed);
  close_all_at_exec();
  if (plan.memory > 0) limit(plan.failed, RLIMIT_AS, plan.memory);
  limit(plan.failed, RLIMIT_CORE, 0);
  if (::chdir("/") != 0) give_up(plan.failed);
  ::execve(plan.path, plan.arguments, plan.environment);
  give_up(plan.failed);
}

}  // namespace

Descriptor::Descriptor(int number, const char* what) : number_(number) {
  if (number < 0) throw std::system_error(errno, std::generic_category(), what);
  if (number > 2) return;
  const int higher = ::fcntl(number, F_DUPFD_CLOEXEC, 3);
  const int why = errno;
  close();
  if (higher < 0) throw std::system_error(why, std::generic_category(), what);
  number_ = higher;
}

Pipe make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "a pipe");
  Pipe pipe;
  pipe.from = Descriptor(ends[0], "a pipe");
  pipe.to = Descriptor(ends[1], "a pipe");
  return pipe;
}

pid_t start_child(const ChildPlan& plan) {
  const pid_t parent = ::getpid();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // No handler of this process may run in the child.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child == 0) become(plan, parent);
  const int why = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) throw std::system_error(why, std::generic_category(), "another process");
  return child;
}

}  // namespace coremachine::resolve
