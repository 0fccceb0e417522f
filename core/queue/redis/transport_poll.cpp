// How a worker takes entries out of the streams.

#include <algorithm>
#include <utility>

#include "core/queue/redis/entry_text.hpp"
#include "core/queue/redis/transport.hpp"

namespace coremachine::redis {
namespace {

/// A connection that is dead without a word is found after so long.
constexpr Milliseconds longest_block{5000};
constexpr Milliseconds for_replies{5000};
constexpr std::string_view inbox_limit = "10000";
/// Of what nobody may ever hear.
constexpr std::string_view common_limit = "256";
constexpr std::string_view refused_limit = "1000";

WorkerFault refused(std::string what) {
  return WorkerFault{WorkerFault::Kind::refused, std::move(what)};
}

bool has_lost_all(const Reply& reply) {
  return reply.is_error("NOGROUP") || reply.is_error("UNBLOCKED");
}

std::size_t tasks_of(const std::vector<HandOut>& hand_outs) {
  std::size_t tasks = 0;
  for (const auto& hand_out : hand_outs) tasks += hand_out.tasks.size();
  return tasks;
}

}  // namespace

WorkerAnswer<std::vector<HandOut>> Transport::poll(const RemoteWorker& worker, std::uint32_t max_tasks,
                                                   Milliseconds wait) {
  const std::lock_guard lock(poll_.mutex);
  const auto& id = worker.resolver_id.empty() ? default_resolver_id_ : worker.resolver_id;
  if (const auto resolver = resolvers_.get(id); !resolver) return refused(resolver.error().message);
  const auto fresh = poll_.channel.connect();
  if (!fresh) return fresh.error();
  auto& link = poll_.channel.link();
  poll_client_ = link.client_id();
  std::vector<std::string> keys;
  for (const auto& type : worker.task_types) keys.push_back(keys_.tasks({type, id}));
  if (keys.empty()) return refused("the worker has no task type");
  if (*fresh) open_groups(keys);
  announce(link, worker, *fresh);
  if (*fresh) claim_all(worker.name);

  polling_ = true;
  std::vector<HandOut> taken;
  const auto by = Clock::now() + wait;
  for (;;) {
    // While there is much to do: from one stream after the other, no more than there is room for.
    if (was_busy_ && keys.size() > 1) {
      for (std::size_t i = 0; i < keys.size() && tasks_of(taken) < max_tasks && !leaving_; ++i) {
        auto some = read(worker, {keys[turn_++ % keys.size()]}, Milliseconds{0});
        if (!some) return polling_ = false, some.error();
        std::move(some->begin(), some->end(), std::back_inserter(taken));
      }
    }
    announce(link, worker, false);
    const auto left = std::chrono::ceil<Milliseconds>(by - Clock::now());
    if (!taken.empty() || leaving_ || left.count() <= 0) break;
    auto some = read(worker, keys, std::min(left, longest_block));
    if (!some) return polling_ = false, some.error();
    taken = std::move(*some);
    was_busy_ = !taken.empty();
  }
  polling_ = false;
  was_busy_ = !taken.empty();
  return taken;
}

/// One entry of each of the streams; waits for the first for so long, or not at all.
WorkerAnswer<std::vector<HandOut>> Transport::read(const RemoteWorker& worker, const std::vector<std::string>& keys,
                                                   Milliseconds block) {
  std::vector<HandOut> taken;
  bool is_answered = false;
  std::string fault;
  const auto block_text = std::to_string(block.count());
  std::vector<std::string_view> args{"XREADGROUP", "GROUP", workers_group, worker.name, "COUNT", "1"};
  if (block.count() > 0) args.insert(args.end(), {"BLOCK", block_text});
  args.emplace_back("STREAMS");
  args.insert(args.end(), keys.begin(), keys.end());
  args.insert(args.end(), keys.size(), ">");
  auto& link = poll_.channel.link();
  link.send(args, [&](const Reply& reply) {
    is_answered = true;
    if (has_lost_all(reply) && !std::exchange(was_lost_, true)) {
      open_groups(keys);
      announce(poll_.channel.link(), worker, true);
      claim_all(worker.name);
    } else if (reply.is_error()) {
      fault = reply.text();
    } else {
      was_lost_ = false;
      took(reply, worker, taken);
    }
  });
  const auto done = poll_.channel.wait([&] { return is_answered; }, Clock::now() + block + for_replies);
  if (!done) return done.error();
  if (!*done || !fault.empty()) {
    link.close();  // with it go the handlers that know this call
    if (!*done) return WorkerFault{WorkerFault::Kind::unreachable, target_.address.str() + ": no answer"};
    const bool is_known =
        fault.find("unknown command") == std::string::npos && fault.find("WRONGTYPE") == std::string::npos;
    if (!is_known) return refused(target_.address.str() + ": " + fault + " (Redis 6.2 or newer is needed)");
    return WorkerFault{WorkerFault::Kind::busy, target_.address.str() + ": " + fault};
  }
  return taken;
}

void Transport::took(const Reply& reply, const RemoteWorker& worker, std::vector<HandOut>& into) {
  for_each_read(reply, [&](std::string_view key, std::string_view id, const Reply& fields) {
    took_entry(worker, key, id, fields, into);
  });
  std::map<std::string, std::vector<LeaseWord>> words;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& hand_out : into) words[held_[hand_out.lease].server].push_back({hand_out.lease, hand_out.job});
  }
  claim(worker.name, words);
}

void Transport::took_entry(const RemoteWorker& worker, std::string_view key, std::string_view id, const Reply& fields,
                           std::vector<HandOut>& into) {
  auto& link = poll_.channel.link();
  const std::string server(field_of(fields, server_field));
  auto hand_out = read_entry_text(field_of(fields, entry_field));
  if (hand_out) {
    const std::lock_guard lock(mutex_);
    held_.insert_or_assign(hand_out->lease, Held{hand_out->job, server, Clock::now()});
    into.push_back(std::move(*hand_out));
    return;
  }
  const auto lease = LeaseId::parse(field_of(fields, lease_field));
  const auto job = JobId::parse(field_of(fields, job_field));
  if (lease && job && !server.empty()) {
    // Its owner knows which tasks it has.
    Message message;
    message.kind = Message::Kind::refuse;
    message.worker.name = worker.name;
    message.why = hand_out.error().message;
    message.leases.push_back({*lease, *job});
    link.send(
        {"XADD", keys_.inbox(server), "NOMKSTREAM", "MAXLEN", "~", inbox_limit, "*", message_field, to_text(message)});
    return;
  }
  // Nobody's: it is put aside where people can find it.
  link.send({"XADD", keys_.refused(), "MAXLEN", "~", refused_limit, "*", "why", hand_out.error().message, "stream", key,
             entry_field, field_of(fields, entry_field)});
  link.send({"XACK", key, workers_group, id});
  link.send({"XDEL", key, id});
}

void Transport::open_groups(const std::vector<std::string>& keys) {
  for (const auto& key : keys) poll_.channel.link().send({"XGROUP", "CREATE", key, workers_group, "0", "MKSTREAM"});
}

/// Tells the servers that these are no longer waiting. What gets lost of that they find by themselves.
void Transport::claim(const std::string& worker, const std::map<std::string, std::vector<LeaseWord>>& words) {
  for (const auto& [server, leases] : words) {
    Message message;
    message.kind = Message::Kind::claim;
    message.worker.name = worker;
    message.leases = leases;
    poll_.channel.link().send(
        {"XADD", keys_.inbox(server), "NOMKSTREAM", "MAXLEN", "~", inbox_limit, "*", message_field, to_text(message)});
  }
}

void Transport::claim_all(const std::string& worker) {
  std::map<std::string, std::vector<LeaseWord>> words;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [lease, held] : held_) words[held.server].push_back({lease, held.job});
  }
  claim(worker, words);
}

void Transport::announce(Link& link, const RemoteWorker& worker, bool is_new) {
  if (leaving_) return;
  RemoteWorker about = worker;
  {
    const std::lock_guard lock(mutex_);
    // A poll may ask for some of its types alone.
    const auto before = types_.size();
    types_.insert(worker.task_types.begin(), worker.task_types.end());
    is_new = is_new || types_.size() != before || concurrency_ != worker.concurrency;
    concurrency_ = worker.concurrency;
    if (!is_new && Clock::now() < announced_ + times_.announce) return;
    announced_ = Clock::now();
    about.task_types.assign(types_.begin(), types_.end());
  }
  if (about.resolver_id.empty()) about.resolver_id = default_resolver_id_;
  link.send({"SET", keys_.worker(worker.name), worker_text(about), "PX", std::to_string(times_.presence.count())});
  link.send({"SADD", keys_.workers(), worker.name});
  if (!is_new) return;
  Message hello;
  hello.kind = Message::Kind::hello;
  hello.worker.name = worker.name;
  link.send({"XADD", keys_.inbox(), "MAXLEN", "~", common_limit, "*", message_field, to_text(hello)});
}

}  // namespace coremachine::redis
