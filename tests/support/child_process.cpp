#include "tests/support/child_process.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <stdexcept>

namespace coremachine::support {

ChildProcess::ChildProcess(const std::function<void(const std::function<void(const std::string&)>&)>& body) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe");
  std::fflush(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::close(ends[0]);
    const auto say = [out = ends[1]](const std::string& line) {
      const auto text = line + "\n";  // one write, so that lines of several threads do not mix
      if (::write(out, text.data(), text.size()) < 0) ::_exit(98);
    };
    int status = 0;
    try {
      body(say);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      status = 99;
    }
    ::_exit(status);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill();
    wait();
  }
  if (pipe_ >= 0) ::close(pipe_);
}

bool ChildProcess::read_line(std::string& line) {
  for (;;) {
    const auto end = buffer_.find('\n');
    if (end != std::string::npos) {
      line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return true;
    }
    char block[4096];
    const auto got = ::read(pipe_, block, sizeof block);
    if (got <= 0) return false;
    buffer_.append(block, static_cast<std::size_t>(got));
  }
}

std::vector<std::string> ChildProcess::read_all() {
  std::vector<std::string> lines;
  std::string line;
  while (read_line(line)) lines.push_back(line);
  return lines;
}

void ChildProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

int ChildProcess::wait() {
  if (pid_ > 0) ::waitpid(pid_, &status_, 0);
  pid_ = -1;
  return status_;
}

}  // namespace coremachine::support
