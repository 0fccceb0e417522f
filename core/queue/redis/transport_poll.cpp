// How a worker takes entries out of the streams.

#include <algorithm>
#include <utility>

#include "core/queue/redis/entry_text.hpp"
#include "core/queue/redis/inbox.hpp"
#include "core/queue/redis/transport.hpp"

namespace coremachine::redis {
namespace {

/// A connection that is dead without a word is found after so long.
constexpr Milliseconds longest_block{5000};
constexpr Milliseconds for_replies{5000};
constexpr std::string_view refused_limit = "1000";

/// What XREADGROUP says of the first stream that has an entry, beginning with the one whose turn it is.
constexpr std::string_view next_script = R"(
for i = 0, #KEYS - 1 do
  local found = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', '1', 'STREAMS',
                           KEYS[(ARGV[3] + i) % #KEYS + 1], '>')
  if found then return found end
end
return false)";

WorkerFault refused(std::string what) {
  return WorkerFault{WorkerFault::Kind::refused, std::move(what)};
}

bool has_lost_all(const Reply& reply) {
  if (reply.is_error("UNBLOCKED")) return true;
  // Of a script the name of the error stands somewhere in the text.
  return reply.is_error() && reply.text().find("NOGROUP") != std::string_view::npos;
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
  auto taken = *fresh && std::exchange(ever_up_, true) ? read_again(worker, keys) : std::vector<HandOut>();
  const auto by = Clock::now() + wait;
  while (taken && taken->empty() && !leaving_) {
    // From one stream after the other, no more than there is room for.
    while (keys.size() > 1 && tasks_of(*taken) < max_tasks && !leaving_) {
      auto next = next_entry(worker, keys);
      if (next && next->empty()) break;
      if (!next && !taken->empty()) break;  // what came before must not get lost
      if (!next) return polling_ = false, next.error();
      std::move(next->begin(), next->end(), std::back_inserter(*taken));
    }
    const auto left = std::chrono::ceil<Milliseconds>(by - Clock::now());
    if (!taken->empty() || leaving_ || left.count() <= 0) break;
    announce(link, worker, false);
    taken = wait_for_entry(worker, keys, std::min(left, longest_block));
  }
  polling_ = false;
  return taken;
}

/// One entry of the first stream that has some, and of others that have some at that very moment.
WorkerAnswer<std::vector<HandOut>> Transport::wait_for_entry(const RemoteWorker& worker,
                                                             const std::vector<std::string>& keys, Milliseconds block) {
  const auto block_text = std::to_string(block.count());
  Args command{"XREADGROUP", "GROUP", workers_group, worker.name, "COUNT", "1", "BLOCK", block_text, "STREAMS"};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), keys.size(), ">");
  return read(worker, keys, command, block);
}

/// One entry, of the stream whose turn it is; none if all are empty.
WorkerAnswer<std::vector<HandOut>> Transport::next_entry(const RemoteWorker& worker,
                                                         const std::vector<std::string>& keys) {
  const auto count = std::to_string(keys.size());
  const auto turn = std::to_string(turn_ % keys.size());
  Args command{"EVAL", next_script, count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), {workers_group, worker.name, turn});
  return read(worker, keys, command, Milliseconds{0});
}

/// What Redis has given to this worker while the connection broke.
WorkerAnswer<std::vector<HandOut>> Transport::read_again(const RemoteWorker& worker,
                                                         const std::vector<std::string>& keys) {
  Args command{"XREADGROUP", "GROUP", workers_group, worker.name, "STREAMS"};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), keys.size(), "0");
  return read(worker, keys, command, Milliseconds{0});
}

WorkerAnswer<std::vector<HandOut>> Transport::read(const RemoteWorker& worker, const std::vector<std::string>& keys,
                                                   const Args& command, Milliseconds block) {
  std::vector<HandOut> taken;
  bool is_answered = false;
  std::string fault;
  auto& link = poll_.channel.link();
  link.send(command, [&](const Reply& reply) {
    is_answered = true;
    if (has_lost_all(reply) && !std::exchange(was_lost_, true)) {
      open_groups(keys);
      announce(poll_.channel.link(), worker, true);
      claim_all(worker.name);
    } else if (reply.is_error()) {
      fault = reply.text();
    } else {
      was_lost_ = false;
      took(reply, worker, keys, taken);
    }
  });
  const auto done = poll_.channel.wait([&] { return is_answered; }, Clock::now() + block + for_replies);
  if (!taken.empty()) return taken;  // even if that was the last that came
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

void Transport::took(const Reply& reply, const RemoteWorker& worker, const std::vector<std::string>& keys,
                     std::vector<HandOut>& into) {
  for_each_read(reply, [&](std::string_view key, std::string_view id, const Reply& fields) {
    turn_ = static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin()) + 1;
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
    if (has(hand_out->lease)) return;
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
    send_to_inbox(link, keys_, server, message);
    return;
  }
  // Nobody's: it is put aside where people can find it.
  link.send({"XADD", keys_.refused(), "MAXLEN", "~", refused_limit, "*", "why", hand_out.error().message, "stream", key,
             entry_field, field_of(fields, entry_field)});
  link.send({"XACK", key, workers_group, id});
  link.send({"XDEL", key, id});
}

bool Transport::has(LeaseId lease) const {
  const std::lock_guard lock(mutex_);
  return held_.contains(lease);
}

void Transport::open_groups(const std::vector<std::string>& keys) {
  for (const auto& key : keys) poll_.channel.link().send({"XGROUP", "CREATE", key, workers_group, "0", "MKSTREAM"});
}

/// Tells the servers that these are no longer waiting. What gets lost of that they find by themselves.
void Transport::claim(const std::string& worker, const std::map<std::string, std::vector<LeaseWord>>& words) {
  for (const auto& [server, leases] : words) {
    if (server.empty()) continue;
    Message message;
    message.kind = Message::Kind::claim;
    message.worker.name = worker;
    message.leases = leases;
    send_to_inbox(poll_.channel.link(), keys_, server, message);
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
  send_to_inbox(link, keys_, "", hello);
}

}  // namespace coremachine::redis
