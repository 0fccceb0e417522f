#include "triggers/http/server/server.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <sys/resource.h>

#include <boost/assert.hpp>

#include "triggers/http/server/listener.hpp"
#include "triggers/http/server/loop.hpp"

namespace coremachine::http {

namespace {

constexpr std::size_t other_descriptors = 256;  // of the store, of the listener, of tasks

/// As many files may be open as the system lets this process have at all.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1'024;
  if (limit.rlim_cur < limit.rlim_max) {
    const auto before = std::exchange(limit.rlim_cur, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace

std::string BoundAddress::to_string() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string BoundAddress::url() const {
  return (secure ? "https://" : "http://") + to_string();
}

class Server::Impl {
 public:
  Impl(ServerOptions options, Application application) : service_(std::move(options), std::move(application)) {
    BOOST_ASSERT(service_.options.io_threads > 0);
    service_.on_connection_gone = [this] { on_connection_gone(); };
  }
  ~Impl() { stop(); }

  Result<BoundAddress> start() {
    BOOST_ASSERT(loops_.empty());
    const auto& options = service_.options;
    if (!options.certificate_file.empty() || !options.key_file.empty()) {
      if (auto error = reload_certificate()) return *std::move(error);
    }
    for (unsigned i = 0; i < options.io_threads; ++i) loops_.push_back(std::make_unique<Loop>(service_));
    listener_ = std::make_unique<Listener>(service_, loops_, most_connections());
    auto bound = listener_->open(options.listen);
    if (!bound) return bound;
    for (const auto& loop : loops_) loop->start();
    listener_->start();
    running_ = true;
    return bound;
  }

  std::optional<Error> reload_certificate() {
    auto loaded = load_certificate(service_.options.certificate_file, service_.options.key_file);
    if (!loaded) return loaded.error();
    service_.set_tls(*std::move(loaded));
    return std::nullopt;
  }

  bool drain(std::chrono::milliseconds at_most) {
    if (!running_) return true;
    listener_->close();
    for (const auto& loop : loops_) loop->drain();
    std::unique_lock lock(mutex_);
    return none_left_.wait_for(lock, at_most, [this] { return service_.counters.connections.load() == 0; });
  }

  void stop() {
    const std::scoped_lock lock(stopping_);
    if (!running_.exchange(false)) return;
    listener_->close();
    for (const auto& loop : loops_) loop->stop();
  }

  ServerStats stats() const { return service_.counters.read(); }

 private:
  std::size_t most_connections() const {
    const auto wanted = service_.options.limits.connections;
    const auto files = raise_descriptor_limit();
    const auto possible = files > 2 * other_descriptors ? files - other_descriptors : files / 2;
    if (possible < wanted) {
      service_.log(Severity::warning, "at most " + std::to_string(possible) + " connections instead of " +
                                          std::to_string(wanted) + ": this process may have " + std::to_string(files) +
                                          " files open; a higher hard limit (ulimit -Hn, LimitNOFILE=) allows more");
    }
    return std::min(wanted, possible);
  }

  void on_connection_gone() {
    listener_->on_room();
    if (service_.counters.connections.load() > 0) return;
    const std::scoped_lock lock(mutex_);
    none_left_.notify_all();
  }

  Service service_;
  std::vector<std::unique_ptr<Loop>> loops_ = {};
  std::unique_ptr<Listener> listener_ = {};
  std::mutex stopping_;
  std::atomic<bool> running_{false};
  std::mutex mutex_;
  std::condition_variable none_left_;
};

Server::Server(ServerOptions options, Application application)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(application))) {}

Server::~Server() = default;

Result<BoundAddress> Server::start() {
  return impl_->start();
}

std::optional<Error> Server::reload_certificate() {
  return impl_->reload_certificate();
}

bool Server::drain(std::chrono::milliseconds at_most) {
  return impl_->drain(at_most);
}

void Server::stop() {
  impl_->stop();
}

ServerStats Server::stats() const {
  return impl_->stats();
}

}  // namespace coremachine::http
