// What workers say, and what they are answered.

#include <algorithm>
#include <utility>

#include "core/queue/redis/inbox.hpp"
#include "core/queue/redis/pump.hpp"

namespace coremachine::redis {
namespace {

/// An answer that nobody fetches goes by itself.
constexpr std::string_view answer_lives = "60000";  // ms
/// As one, so that no list stays for ever.
constexpr std::string_view answer_script =
    "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

bool is_answered(const Message& message) {
  return message.kind == Message::Kind::report || message.kind == Message::Kind::renew;
}

}  // namespace

void Pump::on_message(std::string_view text, bool is_common) {
  auto message = read_message(text);
  if (!message) {
    if (logger_) logger_->warn("a worker said what cannot be understood", {{"error", message.error().message}});
    return;
  }
  const auto is_ours = is_for_us(*message, is_common);
  if (!is_ours) return refuse(*message, is_ours.error());
  if (!*is_ours) return on_foreign(*message);
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
Result<bool> Pump::is_for_us(const Message& message, bool is_common) const {
  std::set<JobId> asked;
  for (const auto& word : message.leases) {
    const auto known = book_.knows(word.lease, word.job);
    if (known.has_value() && !*known) return false;
    if (known.has_value() || !is_common || !asked.insert(word.job).second) continue;
    const auto is_there = machine_.has_job(word.job);
    if (!is_there || !*is_there) return is_there;
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
  if (!is_answered(message)) return;
  if (const auto next = next_server(message)) return pass_on(message, *next);
  std::vector<LeaseNews> all_gone;
  for (const auto& word : message.leases) all_gone.push_back({word.lease, LeaseState::gone});
  answer(message, Answer{message.number, server_, std::move(all_gone)});
}

/// Nothing of it was taken; who has said it says it again.
void Pump::refuse(const Message& message, const Error& error) {
  if (!is_answered(message)) return;
  Answer refusal{message.number, server_};
  refusal.fault = error.message;
  refusal.is_busy = error.code != ErrorCode::invalid_argument;
  answer(message, std::move(refusal));
}

void Pump::pass_on(const Message& message, const std::string& next) {
  auto passed = message;
  ++passed.passed;
  send_to_inbox(writer_, keys_, next, passed);
}

/// Who should hear what this server knows nothing of; nobody, once all have heard it.
std::optional<std::string> Pump::next_server(const Message& message) const {
  if (servers_.size() < 2 || message.passed + 1 >= servers_.size()) return std::nullopt;
  const auto next = servers_.upper_bound(server_);
  return next == servers_.end() ? *servers_.begin() : *next;
}

/// What the machine does not have and this server has not put into the queue.
std::vector<LeaseId> Pump::strange_in(const Message& message, const std::vector<LeaseNews>& told) const {
  std::vector<LeaseId> strange;
  // The machine answers in the order in which it was told.
  for (std::size_t i = 0; i < told.size(); ++i) {
    const auto& word = message.leases.at(i);
    if (told[i].state == LeaseState::gone && book_.knows(word.lease, word.job) != true) strange.push_back(word.lease);
  }
  return strange;
}

/// Of these, those that are not over: another machine has them, or nobody does until somebody takes over what a server
/// had that is gone.
Result<std::map<LeaseId, LeasePlace>> Pump::elsewhere(const std::vector<LeaseId>& strange) const {
  auto places = machine_.places_of(strange);
  if (places) std::erase_if(*places, [](const auto& each) { return !each.second.peer && each.second.is_certain; });
  return places;
}

/// `told` is what the machine has said. What another server has is passed on, as long as there is somebody else. What
/// nobody has for the moment is not lost: its results are said again, and meanwhile it goes on.
template <class Told>
void Pump::answer_or_pass_on(const Message& message, const Told& told) {
  if (!told) return refuse(message, told.error());
  const auto strange = strange_in(message, *told);
  if (strange.empty()) {
    book_.news(*told, now());
    return answer(message, Answer{message.number, server_, *told});
  }
  const auto others = elsewhere(strange);
  if (!others) return refuse(message, others.error());
  const bool somebody_has_all =
      !others->empty() && others->size() == told->size() &&
      std::any_of(others->begin(), others->end(), [](const auto& each) { return each.second.peer.has_value(); });
  if (const auto next = somebody_has_all ? next_server(message) : std::nullopt) return pass_on(message, *next);
  Answer made{message.number, server_};
  const bool is_report = message.kind == Message::Kind::report;
  std::vector<LeaseNews> here;
  for (const auto& news : *told) {
    const bool is_here = !others->contains(news.lease);
    if (is_here || !is_report) made.news.push_back({news.lease, is_here ? news.state : LeaseState::held});
    if (is_here) {
      here.push_back(news);
    } else {
      made.elsewhere.push_back(news.lease);
    }
  }
  book_.news(here, now());
  if (is_report && !made.elsewhere.empty()) {
    made.fault = "the server that had handed out these tasks is going or gone; another one will have them soon";
    made.is_busy = true;
  }
  answer(message, std::move(made));
}

void Pump::on_report(Message message) {
  std::vector<RemoteReport> reports;
  const auto time = now();
  // Kept whole only where it may have to be passed on.
  const bool is_strange_here = is_strange(message);
  for (auto& word : message.leases) {
    book_.heard(message.worker.name, word.lease, word.outcomes, time);
    reports.push_back({word.lease, is_strange_here ? word.outcomes : std::move(word.outcomes)});
  }
  ++reports_out_;
  const auto worker = message.worker.name;
  auto kept = std::make_shared<Message>(std::move(message));
  auto then = [this, box = mailbox_, kept](auto result) {
    box->post([this, kept, result = std::move(result)] {
      --reports_out_;
      answer_or_pass_on(*kept, result);
    });
  };
  machine_.report_then(worker, std::move(reports), std::move(then));
}

void Pump::on_renew(Message message) {
  std::vector<LeaseRenewal> renewals;
  const auto time = now();
  for (const auto& word : message.leases) {
    book_.heard(message.worker.name, word.lease, {}, time);
    renewals.push_back({word.lease, word.progress});
  }
  message.worker.kind = "redis";
  const auto worker = message.worker;
  auto kept = std::make_shared<Message>(std::move(message));
  auto then = [this, box = mailbox_, kept](auto result) {
    box->post([this, kept, result = std::move(result)] { answer_or_pass_on(*kept, result); });
  };
  machine_.renew_then(worker, std::move(renewals), std::move(then));
}

void Pump::answer(const Message& message, Answer answer) {
  const auto& worker = message.worker.name;
  const auto key = message.kind == Message::Kind::report ? keys_.report_news(worker) : keys_.renewal_news(worker);
  writer_.send({"EVAL", answer_script, "1", key, to_text(answer), answer_lives});
}

}  // namespace coremachine::redis
