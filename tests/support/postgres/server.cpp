#include "tests/support/postgres/server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <libpq-fe.h>

namespace coremachine::support {
namespace {

namespace files = std::filesystem;

/// The newest that is installed; empty: none.
std::string programs_of_postgres() {
  if (const char* said = std::getenv("COREMACHINE_POSTGRES_BIN")) return said;
  std::vector<files::path> found;
  std::error_code none;
  for (const auto& version : files::directory_iterator("/usr/lib/postgresql", none)) {
    if (files::exists(version.path() / "bin" / "initdb")) found.push_back(version.path() / "bin");
  }
  const auto number = [](const files::path& bin) { return std::atoi(bin.parent_path().filename().c_str()); };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return number(a) < number(b); });
  return found.empty() ? std::string() : found.back().string();
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : programs_(programs_of_postgres()) {
  if (programs_.empty()) {
    std::puts("SKIPPED: there is no PostgreSQL here: install it, or let COREMACHINE_POSTGRES_BIN say where initdb is");
    throw std::runtime_error("no PostgreSQL");
  }
  files::create_directory(folder());
  if (::geteuid() == 0) {
    const auto* other = ::getpwnam("postgres");
    if (!other) other = ::getpwnam("nobody");
    if (!other) throw std::runtime_error("there is no user that PostgreSQL could run as");
    user_ = other->pw_uid;
    group_ = other->pw_gid;
    files::permissions(directory_.path(), files::perms::owner_all | files::perms::others_exec);
    if (::chown(folder().c_str(), user_, group_) != 0) throw std::runtime_error("chown");
  }
  run("initdb", "-N -A trust -U postgres -E UTF8 --locale=C -D " + folder());
  {
    // One user has to prove who he is; the first line that fits counts.
    const auto path = folder() + "/pg_hba.conf";
    const auto others = contents(path);
    std::ofstream(path) << "local all secretive scram-sha-256\n" << others;
  }
  start();
}

PostgresServer::~PostgresServer() {
  end(SIGINT);
}

std::string PostgresServer::url(const std::string& user) const {
  return "postgres://" + user + "@/postgres?host=" + folder();
}

pid_t PostgresServer::spawn(const std::string& program, const std::string& arguments) const {
  const auto path = programs_ + "/" + program;
  const auto log = folder() + ".log";
  auto words = words_of(arguments);
  std::vector<char*> all{const_cast<char*>(path.c_str())};
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  const auto parent = ::getpid();
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const auto child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child > 0) {
    ::close(out);
    return child;
  }
  // Nothing here but what may be called between fork and exec.
  if (user_ != 0 && (::setgroups(0, nullptr) != 0 || ::setgid(group_) != 0 || ::setuid(user_) != 0)) ::_exit(97);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::getppid() != parent) ::_exit(96);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (::chdir("/") != 0) ::_exit(95);
  ::execv(path.c_str(), all.data());
  ::_exit(94);
}

void PostgresServer::run(const std::string& program, const std::string& arguments) const {
  const auto child = spawn(program, arguments);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error(program + " failed: " + contents(folder() + ".log"));
}

void PostgresServer::start() {
  pid_ = spawn("postgres", "-D " + folder() + " -c listen_addresses= -c unix_socket_directories=" + folder() +
                               " -c fsync=on -c max_connections=60 -c log_min_messages=log");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (PQping(url().c_str()) != PQPING_OK) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_ || std::chrono::steady_clock::now() > end) {
      pid_ = -1;
      throw std::runtime_error("the PostgreSQL server does not start: " + contents(folder() + ".log"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void PostgresServer::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void PostgresServer::crash() {
  end(SIGQUIT);
}

}  // namespace coremachine::support
