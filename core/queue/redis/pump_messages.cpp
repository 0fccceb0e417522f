// What workers say, and what they are answered.

#include <algorithm>
#include <utility>

#include "core/queue/redis/pump.hpp"

namespace coremachine::redis {
namespace {

/// An answer that nobody fetches goes by itself.
constexpr std::string_view answer_lives = "60000";  // ms
/// As one, so that no list stays for ever.
constexpr std::string_view answer_script =
    "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

Answer refusal(std::string number, std::string server, const Error& error) {
  Answer answer{std::move(number), std::move(server)};
  answer.fault = error.message;
  answer.is_busy = error.code != ErrorCode::invalid_argument;
  return answer;
}

}  // namespace

void Pump::on_message(std::string_view text, bool is_common) {
  auto message = read_message(text);
  if (!message) {
    if (logger_) logger_->warn("a worker said what cannot be understood", {{"error", message.error().message}});
    return;
  }
  if (!is_for_us(*message, is_common)) return on_foreign(*message);
  switch (message->kind) {
    case Message::Kind::report: return on_report(std::move(*message));
    case Message::Kind::renew: return on_renew(std::move(*message));
    case Message::Kind::claim:
      for (const auto& word : message->leases) book_.claimed(message->worker.name, word.lease, now());
      return;
    case Message::Kind::refuse:
      for (const auto& word : message->leases) {
        if (logger_) {
          logger_->error("a worker cannot read an entry; its tasks fail for good",
                         {{"worker", message->worker.name}, {"job_id", word.job.str()}, {"error", message->why}});
        }
        book_.refused(word.lease, message->why, now());
      }
      return;
    case Message::Kind::leave: machine_.leave_then(message->worker.name, [](const auto&) {}); [[fallthrough]];
    case Message::Kind::hello: return ask_for_workers();
  }
}

/// Servers on other stores may have the same prefix by mistake, and leases of the same number: the job tells. What
/// comes into the own inbox is meant for this server, whatever became of the job.
bool Pump::is_for_us(const Message& message, bool is_common) const {
  for (const auto& word : message.leases) {
    const auto known = book_.knows(word.lease, word.job);
    if (known.has_value() && !*known) return false;
    if (!known.has_value() && is_common && !machine_.job(word.job).has_value()) return false;
  }
  return true;
}

/// Whether this server has given none of its leases, so that another one may have.
bool Pump::is_strange(const Message& message) const {
  return std::none_of(message.leases.begin(), message.leases.end(),
                      [this](const LeaseWord& word) { return book_.knows(word.lease, word.job) == true; });
}

/// Its job is not in this store, be it that it was deleted. Who has said it would say so for ever if nobody answered.
void Pump::on_foreign(const Message& message) {
  if (message.kind != Message::Kind::report && message.kind != Message::Kind::renew) return;
  std::vector<LeaseNews> all_gone;
  for (const auto& word : message.leases) all_gone.push_back({word.lease, LeaseState::gone});
  const auto& worker = message.worker.name;
  const auto key = message.kind == Message::Kind::report ? keys_.report_news(worker) : keys_.renewal_news(worker);
  if (const auto next = next_server(message)) return pass_on(message, *next);
  answer(key, Answer{message.number, server_, std::move(all_gone)});
}

void Pump::pass_on(const Message& message, const std::string& next) {
  auto passed = message;
  ++passed.passed;
  writer_.send({"XADD", keys_.inbox(next), "NOMKSTREAM", "*", message_field, to_text(passed)});
}

/// Who should hear what this server knows nothing of; nobody, once all have heard it.
std::optional<std::string> Pump::next_server(const Message& message) const {
  if (servers_.size() < 2 || message.passed + 1 >= servers_.size()) return std::nullopt;
  const auto next = servers_.upper_bound(server_);
  return next == servers_.end() ? *servers_.begin() : *next;
}

/// `told` is what the machine has said. What is strange and gone is passed on, as long as there is somebody else.
template <class Told>
void Pump::answer_or_pass_on(const std::string& key, const Message& message, const Told& told) {
  if (!told) return answer(key, refusal(message.number, server_, told.error()));
  const bool all_gone =
      std::all_of(told->begin(), told->end(), [](const LeaseNews& news) { return news.state == LeaseState::gone; });
  if (const auto next = all_gone && is_strange(message) ? next_server(message) : std::nullopt)
    return pass_on(message, *next);
  book_.news(*told, now());
  answer(key, Answer{message.number, server_, *told});
}

void Pump::on_report(Message message) {
  std::vector<RemoteReport> reports;
  const auto time = now();
  // Kept whole only where it may have to be passed on.
  const bool is_strange_here = is_strange(message);
  for (auto& word : message.leases) {
    std::chrono::microseconds took{0};
    for (const auto& outcome : word.outcomes) took += outcome.took;
    book_.heard(message.worker.name, word.lease, word.outcomes.size(), took, time);
    reports.push_back({word.lease, is_strange_here ? word.outcomes : std::move(word.outcomes)});
  }
  ++reports_out_;
  const auto worker = message.worker.name;
  auto kept = std::make_shared<Message>(std::move(message));
  auto then = [this, box = mailbox_, kept](auto result) {
    box->post([this, kept, result = std::move(result)] {
      --reports_out_;
      answer_or_pass_on(keys_.report_news(kept->worker.name), *kept, result);
    });
  };
  machine_.report_then(worker, std::move(reports), std::move(then));
}

void Pump::on_renew(Message message) {
  std::vector<LeaseRenewal> renewals;
  const auto time = now();
  for (const auto& word : message.leases) {
    book_.heard(message.worker.name, word.lease, 0, {}, time);
    renewals.push_back({word.lease, word.progress});
  }
  message.worker.kind = "redis";
  const auto worker = message.worker;
  auto kept = std::make_shared<Message>(std::move(message));
  auto then = [this, box = mailbox_, kept](auto result) {
    box->post([this, kept, result = std::move(result)] {
      answer_or_pass_on(keys_.renewal_news(kept->worker.name), *kept, result);
    });
  };
  machine_.renew_then(worker, std::move(renewals), std::move(then));
}

void Pump::answer(const std::string& key, Answer answer) {
  writer_.send({"EVAL", answer_script, "1", key, to_text(answer), answer_lives});
}

}  // namespace coremachine::redis
