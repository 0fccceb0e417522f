// What the book of the pump wants to be done.

#include <utility>
#include <variant>

#include "core/queue/redis/entry_text.hpp"
#include "core/queue/redis/pump.hpp"

namespace coremachine::redis {
namespace {

/// All entries of a stream, each as [id, lease, job, server, who has read it], without the tasks. Readers that have
/// nothing, and have not asked for so long as nobody pauses, are forgotten.
constexpr std::string_view look_script = R"(
local pending = {}
for _, e in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000)) do pending[e[1]] = e[2] end
for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local about = {}
  for i = 1, #c, 2 do about[c[i]] = c[i + 1] end
  if about.pending == 0 and about.idle > 120000 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about.name) end
end
local rows = {}
for _, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 100000)) do
  local row = {e[1], '', '', '', pending[e[1]] or ''}
  for i = 1, #e[2], 2 do
    local name = e[2][i]
    if name == 'lease' then row[2] = e[2][i + 1] elseif name == 'job' then row[3] = e[2][i + 1]
    elseif name == 'server' then row[4] = e[2][i + 1] end
  end
  rows[#rows + 1] = row
end
return rows)";

/// Removes an entry unless somebody has read it; who that is, or how many were removed.
constexpr std::string_view take_back_script = R"(
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if #pending > 0 then return pending[1][2] end
return redis.call('XDEL', KEYS[1], ARGV[2]))";

/// Forgets a reader who has nothing.
constexpr std::string_view forget_script = R"(
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return -1 end
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]))";

bool says_no_group(const Reply& reply) {
  return reply.is_error() && reply.text().find("NOGROUP") != std::string_view::npos;
}

}  // namespace

void Pump::carry_out() {
  for (auto actions = book_.take_actions(); !actions.empty(); actions = book_.take_actions()) {
    for (auto& action : actions) std::visit([this](auto& each) { act(each); }, action);
  }
}

// ---- the machine ----

void Pump::act(PollMachine& poll) {
  auto then = [this, box = mailbox_, stream = poll.stream](auto result) {
    auto kept = std::make_shared<decltype(result)>(std::move(result));
    box->post([this, stream, kept] {
      if (*kept) {
        book_.handed_out(stream, std::move(**kept), now());
      } else {
        book_.poll_failed(stream, now());
      }
    });
  };
  if (polls_.size() <= poll.stream) polls_.resize(poll.stream + 1);
  polls_[poll.stream] = machine_.poll_then(std::move(poll.worker), poll.most, std::move(then));
}

void Pump::act(GiveUpPoll& give_up) {
  polls_[give_up.stream].give_up();
}

void Pump::act(TellMachine& tell) {
  ++reports_out_;
  std::vector<RemoteReport> reports;
  reports.push_back(std::move(tell.report));
  machine_.report_then("", std::move(reports),
                       [this, box = mailbox_](const auto&) { box->post([this] { --reports_out_; }); });
}

void Pump::act(RenewLeases& renew) {
  machine_.renew_then(std::move(renew.worker), std::move(renew.leases), [this, box = mailbox_](auto result) {
    if (!result) return;
    box->post([this, news = std::move(*result)] { book_.news(news, now()); });
  });
}

void Pump::act(SeeWorker& see) {
  machine_.renew_then(std::move(see.worker), {}, [](const auto&) {});
}

void Pump::act(ForgetWorker& forget) {
  machine_.leave_then(forget.name, [](const auto&) {});
  for (const auto stream : forget.streams)
    writer_.send({"EVAL", forget_script, "1", keys_.tasks(book_.stream(stream)), workers_group, forget.name});
}

// ---- Redis ----

void Pump::act(OpenStream& open) {
  writer_.send({"XGROUP", "CREATE", keys_.tasks(book_.stream(open.stream)), workers_group, "0", "MKSTREAM"},
               [this](const Reply& reply) {
                 if (reply.is_error() && !reply.is_error("BUSYGROUP")) fault(std::string(reply.text()));
               });
}

void Pump::act(AddEntry& add) {
  const auto lease = add.hand_out.lease;
  const auto text = entry_text(add.hand_out, server_);
  writer_.send({"XADD", keys_.tasks(book_.stream(add.stream)), "*", lease_field, lease.str(), job_field,
                add.hand_out.job.str(), server_field, server_, entry_field, text},
               [this, lease, stream = add.stream](const Reply& reply) {
                 if (!reply.is_error()) return book_.added(stream, lease, std::string(reply.text()));
                 fault(std::string(reply.text()));
                 book_.not_added(lease, now());
               });
}

void Pump::act(RemoveEntry& remove) {
  const auto key = keys_.tasks(book_.stream(remove.stream));
  writer_.send({"XACK", key, workers_group, remove.id});
  writer_.send({"XDEL", key, remove.id});
}

void Pump::act(TakeBack& take) {
  writer_.send({"EVAL", take_back_script, "1", keys_.tasks(book_.stream(take.stream)), workers_group, take.id},
               [this, lease = take.lease](const Reply& reply) {
                 if (reply.is_error() && !says_no_group(reply)) {
                   book_.not_taken_back(lease);
                   return fault(std::string(reply.text()));
                 }
                 book_.taken_back(lease, reply.is_error() ? std::string() : std::string(reply.text()), now());
               });
}

void Pump::act(LookAt& look) {
  writer_.send(
      {"EVAL", look_script, "1", keys_.tasks(book_.stream(look.stream)), workers_group},
      [this, stream = look.stream, number = look.number](const Reply& reply) { took_look(stream, number, reply); });
}

void Pump::took_look(StreamNumber stream, std::uint64_t number, const Reply& reply) {
  std::vector<EntryRow> rows;
  if (says_no_group(reply)) {
    OpenStream open{stream};
    act(open);
  } else if (reply.is_error()) {
    fault(std::string(reply.text()));
    return book_.look_failed(stream);
  }
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const auto row = reply[i];
    if (row.size() != 5) continue;
    const auto lease = LeaseId::parse(row[1].text());
    const auto job = JobId::parse(row[2].text());
    if (!lease || !job) continue;  // put there by somebody else
    rows.push_back({std::string(row[0].text()), *lease, *job, std::string(row[3].text()), std::string(row[4].text())});
  }
  book_.looked(stream, number, rows, now());
}

void Pump::act(AskForServer& ask) {
  writer_.send({"EXISTS", keys_.inbox(ask.row.server)}, [this, stream = ask.stream, row = ask.row](const Reply& reply) {
    if (reply.is_error() || reply.integer() != 0) return;
    if (machine_.job(row.job)) return book_.adopt(stream, row, now());
    if (servers_.size() != 1) return;
    // Nobody knows its job. Whoever has it is told so.
    RemoveEntry remove{stream, row.id};
    act(remove);
  });
}

}  // namespace coremachine::redis
