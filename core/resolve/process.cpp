#include "core/resolve/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/model/utf8.hpp"
#include "core/resolve/child.hpp"

namespace coremachine::resolve {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A file in memory, so that nobody has to feed the child, and it can be read in any way.
Descriptor input_file(const std::string& text) {
  Descriptor file(::memfd_create("params", MFD_CLOEXEC), "the input of a process");
  std::string_view left = text;
  while (!left.empty()) {
    const auto written = ::write(file.number(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw std::system_error(errno, std::generic_category(), "the input of a process");
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(file.number(), 0, SEEK_SET);
  return file;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));  // execve changes none of them
  pointers.push_back(nullptr);
  return pointers;
}

std::string printable(std::string text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    clean += length == 0 ? "?" : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  while (!clean.empty() && (clean.back() == '\n' || clean.back() == '\r' || clean.back() == ' ')) clean.pop_back();
  return clean;
}

/// One process from its start to its end.
class Run {
 public:
  explicit Run(const ProcessPlan& plan) : plan_(plan) {}

  ProcessEnd to_the_end() {
    start();
    if (end_.kind == ProcessEnd::Kind::not_started) return std::move(end_);
    while (!has_ended()) {
      read_for(patience());
      judge();
    }
    // The leader is a zombie still, so that its number names its group and no other.
    ::kill(-child_, SIGKILL);
    read_for(milliseconds{0});
    reap();
    end_.complaint = printable(std::move(end_.complaint));
    return std::move(end_);
  }

 private:
  void start() {
    const auto input = input_file(plan_.input);
    auto output = make_pipe();
    auto complaint = make_pipe();
    auto failed = make_pipe();
    const auto arguments = pointers_to(plan_.arguments);
    const auto environment = pointers_to(plan_.environment);
    child_ = start_child({.path = plan_.path.c_str(),
                          .arguments = arguments.data(),
                          .environment = environment.data(),
                          .input = input.number(),
                          .output = output.to.number(),
                          .complaint = complaint.to.number(),
                          .failed = failed.to.number(),
                          .memory = plan_.memory});
    failed.to.close();
    int why = 0;
    ssize_t said = 0;
    do {
      said = ::read(failed.from.number(), &why, sizeof why);
    } while (said < 0 && errno == EINTR);
    if (said == sizeof why) {
      end_ = {.kind = ProcessEnd::Kind::not_started, .code = why};
      while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) continue;
      return;
    }
    output_ = std::move(output.from);
    complaint_ = std::move(complaint.from);
    for (const auto* each : {&output_, &complaint_}) ::fcntl(each->number(), F_SETFL, O_NONBLOCK);
  }

  bool has_ended() {
    siginfo_t info{};
    const int asked = ::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (asked < 0 && errno == ECHILD) end_.kind = ProcessEnd::Kind::lost;
    return (asked < 0 && errno == ECHILD) || info.si_pid == child_;
  }

  /// How long to wait for something to be printed before everything else is looked at.
  milliseconds patience() {
    if (output_.is_open() || complaint_.is_open()) return milliseconds{20};
    // It has closed both, so most likely it is ending.
    waits_ = std::min<int>(waits_ * 2, 20);
    return milliseconds{waits_};
  }

  void read_for(milliseconds time) {
    std::array<pollfd, 2> watched{{{output_.number(), POLLIN, 0}, {complaint_.number(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), static_cast<int>(time.count()));
    take(output_, [&](std::string_view bytes) {
      if (end_.output.size() + bytes.size() > plan_.output) return stop(ProcessEnd::Kind::too_much, SIGKILL);
      end_.output += bytes;
    });
    take(complaint_, [&](std::string_view bytes) {
      end_.complaint += bytes;
      if (end_.complaint.size() > plan_.complaint) end_.complaint.erase(0, end_.complaint.size() - plan_.complaint);
    });
  }

  /// Some of what is there: whoever prints without end must not keep the others from being looked at.
  static void take(Descriptor& from, const auto& use) {
    std::array<char, 16'384> bytes;
    for (int times = 0; times < 64 && from.is_open(); ++times) {
      const auto count = ::read(from.number(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return from.close();
      use(std::string_view(bytes.data(), static_cast<std::size_t>(count)));
    }
  }

  void judge() {
    const auto now = Clock::now();
    if (kill_at_) {
      if (now >= *kill_at_) ::kill(-child_, SIGKILL);
    } else if (now >= plan_.deadline) {
      stop(ProcessEnd::Kind::too_late, SIGTERM);
    } else if (!plan_.wanted()) {
      stop(ProcessEnd::Kind::unwanted, SIGTERM);
    }
  }

  void stop(ProcessEnd::Kind why, int signal) {
    if (kill_at_) return;
    stopped_ = why;
    kill_at_ = Clock::now() + (signal == SIGKILL ? milliseconds{0} : plan_.grace);
    ::kill(-child_, signal);
  }

  void reap() {
    int status = 0;
    pid_t reaped = 0;
    do {
      reaped = ::waitpid(child_, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    if (reaped != child_) {
      end_.kind = ProcessEnd::Kind::lost;
    } else if (WIFSIGNALED(status)) {
      end_.kind = ProcessEnd::Kind::signalled;
      end_.code = WTERMSIG(status);
    } else {
      end_.code = WEXITSTATUS(status);
    }
    if (stopped_) end_.kind = *stopped_;
  }

  const ProcessPlan& plan_;
  ProcessEnd end_;
  pid_t child_ = -1;
  Descriptor output_;
  Descriptor complaint_;
  int waits_ = 1;
  std::optional<ProcessEnd::Kind> stopped_ = {};
  std::optional<Clock::time_point> kill_at_ = {};
};

}  // namespace

ProcessEnd run_process(const ProcessPlan& plan) {
  return Run(plan).to_the_end();
}

}  // namespace coremachine::resolve
