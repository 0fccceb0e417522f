#include "core/queue/redis/pump.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <poll.h>
#include <pthread.h>

namespace coremachine {

QueuePump::~QueuePump() = default;

namespace redis {
namespace {

constexpr Milliseconds tick_every{200};
constexpr Milliseconds idle_tick{1000};
constexpr Milliseconds workers_every{1000};
constexpr std::string_view inbox_wait = "1000";  // ms
constexpr std::string_view inbox_batch = "64";
/// A fault that Redis itself told of is shown for so long, unless it tells of it again.
constexpr Milliseconds fault_shown{5000};
constexpr Milliseconds for_answers{2000};

Milliseconds until(Time then, Time now) {
  return std::chrono::ceil<Milliseconds>(std::max(then - now, Time::duration::zero()));
}

}  // namespace

std::string make_name(std::size_t digits) {
  std::random_device random;
  std::string name;
  while (name.size() < digits) name += "0123456789abcdef"[random() % 16];
  return name;
}

Pump::Pump(CoreMachine& machine, RedisTarget target, std::shared_ptr<Logger> logger, PumpTimes times)
    : machine_(machine),
      target_(std::move(target)),
      keys_(target_.prefix),
      server_(make_name()),
      logger_(std::move(logger)),
      times_(times),
      mailbox_(std::make_shared<Mailbox>()),
      book_(server_, times),
      inbox_(target_.address, "coremachine-server-inbox"),
      writer_(target_.address, "coremachine-server"),
      backoff_(Milliseconds{100}, Milliseconds{5000}, std::random_device()()) {
  health_.url = target_.str();
  health_.fault = "not connected yet";
  thread_ = std::thread([this] { run(); });
}

Pump::~Pump() {
  stop();
}

void Pump::stop() {
  std::call_once(stopped_, [this] {
    stopping_ = true;
    post([] {});
    thread_.join();
  });
}

// ---- the thread ----

void Pump::run() {
  ::pthread_setname_np(::pthread_self(), "cm-redis");
  while (!stopping_) one_turn();
  wind_up();
}

void Pump::one_turn() {
  for (auto& call : mailbox_->take()) call();
  connect(now());
  run_timers(now());
  carry_out();
  inbox_.flush();
  writer_.flush();
  wait();
}

void Pump::wait() {
  pollfd fds[3] = {{mailbox_->fd(), POLLIN, 0}, {inbox_.fd(), inbox_.events(), 0}, {writer_.fd(), writer_.events(), 0}};
  auto wake_at = next_tick();
  if (!inbox_.is_open()) wake_at = std::min(wake_at, retry_at_);
  ::poll(fds, 3, static_cast<int>(std::max<Milliseconds::rep>(until(wake_at, now()).count(), 0)));
  if (!inbox_.is_open()) return;
  const auto time = now();
  if (!writer_.step(time) || !inbox_.step(time)) lose(time);
}

void Pump::connect(Time now) {
  if (!inbox_.is_open()) {
    if (now < retry_at_) return;
    inbox_.open(now);
    writer_.open(now);
    if (!inbox_.is_open() || !writer_.is_open()) lose(now);
    return;
  }
  if (!was_up_ && inbox_.is_up() && writer_.is_up()) on_up(now);
}

void Pump::on_up(Time now) {
  was_up_ = true;
  if (logger_)
    logger_->info(ever_up_ ? "the queue is connected again" : "the queue is connected", {{"queue", target_.str()}});
  if (ever_up_) {
    const std::lock_guard lock(mutex_);
    ++reconnects_;
  }
  if (ever_up_ && run_id_ != writer_.run_id() && logger_)
    logger_->warn("it is another Redis, or it was restarted: what lay in it is looked for", {{"queue", target_.str()}});
  ever_up_ = true;
  run_id_ = writer_.run_id();
  see_to_inbox();
  // Nobody is answered before it is known who else could know better.
  servers_.clear();
  ask_for_servers();
  book_.connected(now);
  workers_at_ = inbox_at_ = now;
  ticked_at_ = {};
}

void Pump::lose(Time now) {
  auto why = inbox_.is_open() ? writer_.fault().what : inbox_.fault().what;
  if (why.empty()) why = fault_.empty() ? "the connection is lost" : fault_;
  inbox_.close();
  writer_.close();
  for (auto& ids : read_ids_) ids.clear();
  retry_at_ = now + backoff_.next();
  if (was_up_) book_.disconnected(now);
  if (logger_ && (was_up_ || fault_ != why)) logger_->warn("the queue cannot be reached", {{"error", why}});
  was_up_ = false;
  fault_ = why;
  update_health();
}

/// It is sooner as soon as something is out.
Time Pump::next_tick() const {
  const auto counts = book_.counts();
  return ticked_at_ + (counts.waiting + counts.claimed > 0 ? tick_every : idle_tick);
}

void Pump::run_timers(Time now) {
  if (now < next_tick()) return;
  ticked_at_ = now;
  book_.tick(now);
  if (was_up_ && now >= inbox_at_) {
    inbox_at_ = now + times_.inbox_lives / 5;
    writer_.send({"PEXPIRE", keys_.inbox(server_), std::to_string(times_.inbox_lives.count())});
    ask_for_servers();
  }
  if (was_up_ && now >= workers_at_) ask_for_workers();
  update_health();
}

void Pump::fault(std::string what) {
  if (fault_ != what && logger_) logger_->warn("the queue refuses", {{"error", what}});
  fault_ = std::move(what);
  fault_until_ = now() + fault_shown;
}

void Pump::update_health() {
  if (was_up_ && now() >= fault_until_) fault_.clear();
  const std::lock_guard lock(mutex_);
  counts_ = book_.counts();
  health_.is_up = was_up_ && fault_.empty();
  health_.fault = health_.is_up ? std::string() : fault_.empty() ? "not connected yet" : fault_;
  health_.workers = counts_.workers;
  health_.waiting = counts_.waiting;
  health_.running = counts_.claimed;
  tries_ = backoff_.tries();
}

/// The machine answers what it was told, and workers hear of it. What lies in streams stays.
void Pump::wind_up() {
  book_.close();
  for (StreamNumber stream = 0; stream < book_.streams(); ++stream)
    machine_.leave_then(book_.poller(stream), [](const auto&) {});
  const auto by = now() + for_answers;
  carry_out();
  while (now() < by && (book_.is_asking() || reports_out_ > 0 || writer_.unanswered() > 0)) {
    for (auto& call : mailbox_->take()) call();
    carry_out();
    writer_.flush();
    pollfd fds[2] = {{mailbox_->fd(), POLLIN, 0}, {writer_.fd(), writer_.events(), 0}};
    ::poll(fds, 2, static_cast<int>(until(by, now()).count()));
    if (writer_.is_open()) writer_.step(now());
  }
  if (!writer_.is_up()) return;
  // Workers find at once that nobody reads it any more.
  writer_.send({"DEL", keys_.inbox(server_)});
  writer_.send({"SREM", keys_.servers(), server_});
  while (writer_.unanswered() > 0 && now() < by + for_answers) {
    writer_.flush();
    pollfd fd{writer_.fd(), writer_.events(), 0};
    ::poll(&fd, 1, 100);
    if (!writer_.step(now())) return;
  }
}

// ---- inboxes ----

/// On the connection that reads them, so that they are there when it does.
void Pump::see_to_inbox() {
  for (const auto& key : {keys_.inbox(server_), keys_.inbox()}) {
    inbox_.send({"XGROUP", "CREATE", key, servers_group, "0", "MKSTREAM"}, [this](const Reply& reply) {
      if (!reply.is_error() || reply.is_error("BUSYGROUP")) return;
      fault(std::string(reply.text()));
      inbox_.close();  // it is tried again, after a pause
    });
  }
  inbox_.send({"PEXPIRE", keys_.inbox(server_), std::to_string(times_.inbox_lives.count())});
}

void Pump::read_inboxes() {
  const auto own = keys_.inbox(server_);
  const auto common = keys_.inbox();
  for (int i = 0; i < 2; ++i) {
    auto& ids = read_ids_[i];
    if (ids.empty()) continue;
    std::vector<std::string_view> args{"XDEL", i == 0 ? own : common};
    args.insert(args.end(), ids.begin(), ids.end());
    inbox_.send(args);
    ids.clear();
  }
  inbox_.send({"XREADGROUP", "GROUP", servers_group, server_, "COUNT", inbox_batch, "BLOCK", inbox_wait, "NOACK",
               "STREAMS", own, common, ">", ">"},
              [this](const Reply& reply) { took_inboxes(reply); });
}

void Pump::took_inboxes(const Reply& reply) {
  if (reply.is_error()) {
    // "NOGROUP", or "UNBLOCKED": all that was there is gone.
    if (reply.is_error("NOGROUP") || reply.is_error("UNBLOCKED")) {
      if (logger_) logger_->warn("Redis has lost what lay in it", {{"queue", target_.str()}});
      see_to_inbox();
      book_.redis_forgot(now());
    } else {
      fault(std::string(reply.text()));
      inbox_.close();
      return;
    }
  }
  // A Redis that answers a PING and refuses everything else is not asked again at once.
  if (!reply.is_error() && backoff_.tries() > 0) {
    backoff_.reset();
    fault_.clear();
  }
  const auto own = keys_.inbox(server_);
  for_each_read(reply, [&](std::string_view key, std::string_view id, const Reply& fields) {
    const bool is_common = key != own;
    read_ids_[is_common ? 1 : 0].emplace_back(id);
    on_message(field_of(fields, message_field), is_common);
  });
  read_inboxes();
}

// ---- who is there ----

void Pump::ask_for_workers() {
  workers_at_ = now() + workers_every;
  writer_.send({"SMEMBERS", keys_.workers()}, [this](const Reply& reply) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < reply.size(); ++i) names.emplace_back(reply[i].text());
    if (names.empty()) {
      book_.workers_are({}, now());
      return update_health();
    }
    std::vector<std::string> keys{"MGET"};
    for (const auto& name : names) keys.push_back(keys_.worker(name));
    writer_.send(std::vector<std::string_view>(keys.begin(), keys.end()),
                 [this, names = std::move(names)](const Reply& found) { took_workers(names, found); });
  });
}

void Pump::took_workers(const std::vector<std::string>& names, const Reply& reply) {
  if (reply.size() != names.size()) return;
  std::vector<RemoteWorker> workers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (reply[i].is_nil()) {
      writer_.send({"SREM", keys_.workers(), names[i]});
      continue;
    }
    auto worker = read_worker(reply[i].text());
    if (!worker || worker->name != names[i]) continue;
    workers.push_back(std::move(*worker));
  }
  book_.workers_are(std::move(workers), now());
  update_health();
}

/// Servers on one store have each their jobs, and may have the same queue.
void Pump::ask_for_servers() {
  writer_.send({"SADD", keys_.servers(), server_});
  writer_.send({"SMEMBERS", keys_.servers()}, [this](const Reply& reply) {
    auto living = std::make_shared<std::set<std::string>>(std::set{server_});
    for (std::size_t i = 0; i < reply.size(); ++i) {
      std::string name(reply[i].text());
      if (name == server_) continue;
      writer_.send({"EXISTS", keys_.inbox(name)}, [this, name, living](const Reply& found) {
        if (found.integer() == 1) {
          living->insert(name);
        } else if (!found.is_error()) {
          writer_.send({"SREM", keys_.servers(), name});
        }
      });
    }
    writer_.send({"PING"}, [this, living](const Reply&) {
      const bool is_first = servers_.empty();
      servers_ = std::move(*living);
      if (is_first) read_inboxes();
    });
  });
}

// ---- for those who look on ----

QueueHealth Pump::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

unsigned Pump::tries() const {
  const std::lock_guard lock(mutex_);
  return tries_;
}

std::vector<Metric> Pump::metrics() const {
  const std::lock_guard lock(mutex_);
  const auto metric = [](std::string name, std::string help, MetricKind kind, double value) {
    return Metric{
        .name = std::move(name), .help = std::move(help), .kind = kind, .samples = {MetricSample{.value = value}}};
  };
  using enum MetricKind;
  return {
      metric("coremachine_queue_up", "1 if the queue can be reached and takes entries.", gauge, health_.is_up ? 1 : 0),
      metric("coremachine_queue_workers", "Workers that have the queue.", gauge, static_cast<double>(counts_.workers)),
      metric("coremachine_queue_waiting_tasks", "Tasks in the queue that no worker has taken.", gauge,
             static_cast<double>(counts_.waiting)),
      metric("coremachine_queue_taken_tasks", "Tasks that workers have taken out of the queue.", gauge,
             static_cast<double>(counts_.claimed)),
      metric("coremachine_queue_tasks_total", "Tasks that were put into the queue.", counter,
             static_cast<double>(counts_.handed_out)),
      metric("coremachine_queue_returned_tasks_total", "Tasks of these that went back to the machine unread.", counter,
             static_cast<double>(counts_.returned)),
      metric("coremachine_queue_reconnects_total", "Connections to the queue that were made anew.", counter,
             static_cast<double>(reconnects_)),
  };
}

}  // namespace redis
}  // namespace coremachine
