#include "tests/support/redis_server.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coremachine::support {
namespace {

struct Free {
  void operator()(redisContext* context) const { redisFree(context); }
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Context = std::unique_ptr<redisContext, Free>;

std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_ERROR: throw std::runtime_error(std::string(reply.str, reply.len));
    case REDIS_REPLY_INTEGER: return std::to_string(reply.integer);
    case REDIS_REPLY_ARRAY: {
      std::string all;
      for (std::size_t i = 0; i < reply.elements; ++i) all += (i == 0 ? "" : "\n") + text_of(*reply.element[i]);
      return all;
    }
    default: return reply.str ? std::string(reply.str, reply.len) : std::string();
  }
}

/// Where it is; Debian has it in redis-tools under the name of a helper, and calls it redis-server in another package.
std::string find_in_path(const char* program) {
  std::string paths = ::getenv("PATH") ? ::getenv("PATH") : "";
  for (std::size_t at = 0; at <= paths.size();) {
    const auto end = std::min(paths.find(':', at), paths.size());
    const auto path = paths.substr(at, end - at) + "/" + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
    at = end + 1;
  }
  return {};
}

const std::string& server_program() {
  static const std::string path = [] {
    const auto found = find_in_path("redis-server");
    return found.empty() ? find_in_path("redis-check-rdb") : found;
  }();
  return path;
}

}  // namespace

bool RedisServer::is_there() {
  static const bool found = [] {
    if (!server_program().empty()) return true;
    std::puts("SKIPPED: there is no redis-server; ./dev setup installs redis-tools, which has it");
    return false;
  }();
  return found;
}

RedisServer::RedisServer(std::vector<std::string> more_arguments) : more_(std::move(more_arguments)) {
  start();
}

RedisServer::~RedisServer() {
  kill();
}

RedisAddress RedisServer::address() const {
  RedisAddress address;
  address.socket = socket();
  return address;
}

void RedisServer::start() {
  if (pid_ > 0) return;
  std::vector<std::string> words{"redis-server",
                                 "--port",
                                 "0",
                                 "--unixsocket",
                                 socket(),
                                 "--dir",
                                 folder(),
                                 "--daemonize",
                                 "no",
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "no",
                                 "--logfile",
                                 folder() + "/redis.log"};
  words.insert(words.end(), more_.begin(), more_.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::unlink(socket().c_str());
  const auto& program = server_program();
  const auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(97);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, 0);
    ::dup2(nothing, 1);
    ::execv(program.c_str(), argv.data());
    ::_exit(98);
  }
  for (int i = 0; i < 3000; ++i) {
    try {
      if (command({"PING"}) == "PONG") return;
    } catch (const std::runtime_error& error) {
      if (std::string_view(error.what()).starts_with("NOAUTH")) return;
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    ::usleep(10'000);
  }
  throw std::runtime_error("redis-server does not start; see " + folder() + "/redis.log");
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::pause() {
  ::kill(pid_, SIGSTOP);
}

void RedisServer::go_on() {
  ::kill(pid_, SIGCONT);
}

std::string RedisServer::command(const std::vector<std::string>& words) const {
  const Context context(redisConnectUnix(socket().c_str()));
  if (!context || context->err != 0) throw std::runtime_error("cannot reach Redis");
  std::vector<const char*> argv;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    argv.push_back(word.data());
    sizes.push_back(word.size());
  }
  const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(
      redisCommandArgv(context.get(), static_cast<int>(words.size()), argv.data(), sizes.data())));
  if (!reply) throw std::runtime_error("no answer of Redis");
  return text_of(*reply);
}

std::vector<std::string> RedisServer::keys() const {
  std::vector<std::string> keys;
  std::string all = command({"KEYS", "*"});
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\n', at), all.size());
    keys.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return keys;
}

}  // namespace coremachine::support
