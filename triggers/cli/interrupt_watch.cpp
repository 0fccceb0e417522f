#include "triggers/cli/interrupt_watch.hpp"

#include <unistd.h>
#include <utility>

#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

InterruptWatch::InterruptWatch(std::function<void()> ask) : ask_(std::move(ask)) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { watch(); });
}

InterruptWatch::~InterruptWatch() {
  over_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void InterruptWatch::first_time(std::function<void()> ask) {
  const std::lock_guard lock(mutex_);
  ask_ = std::move(ask);
}

void InterruptWatch::watch() {
  for (;;) {
    int signal = 0;
    sigwait(&signals_, &signal);
    if (over_) return;
    if (signal == SIGUSR1) continue;
    const std::lock_guard lock(mutex_);
    if (seen_.exchange(true) || !ask_) ::_exit(static_cast<int>(ExitCode::interrupted));
    ask_();
  }
}

}  // namespace coremachine::cli
