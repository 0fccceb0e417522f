// What the book of the pump wants to be done.

#include <map>
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

/// How many entries there are, and those that somebody has read, each with who that is.
constexpr std::string_view glance_script = R"(
local read = {}
for _, e in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000)) do
  read[#read + 1] = e[1]
  read[#read + 1] = e[2]
end
return {redis.call('XLEN', KEYS[1]), read})";

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

void Pump::act(NoteHolders& note) {
  machine_.note_holders(note.leases);
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
  if (!look.is_whole) {
    return writer_.send(
        {"EVAL", glance_script, "1", keys_.tasks(book_.stream(look.stream)), workers_group},
        [this, stream = look.stream, number = look.number](const Reply& reply) { took_glance(stream, number, reply); });
  }
  writer_.send(
      {"EVAL", look_script, "1", keys_.tasks(book_.stream(look.stream)), workers_group},
      [this, stream = look.stream, number = look.number](const Reply& reply) { took_look(stream, number, reply); });
}

void Pump::took_glance(StreamNumber stream, std::uint64_t number, const Reply& reply) {
  Glance glance;
  if (says_no_group(reply)) {
    OpenStream open{stream};
    act(open);
  } else if (reply.size() != 2) {
    fault(std::string(reply.text()));
    return book_.look_failed(stream);
  } else {
    glance.length = static_cast<std::size_t>(reply[0].integer());
    for (std::size_t i = 0; i + 1 < reply[1].size(); i += 2)
      glance.read.emplace_back(reply[1][i].text(), reply[1][i + 1].text());
  }
  book_.glanced(stream, number, glance, now());
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

/// The machine is asked first: it may have taken over what a server had that is still there for Redis, and a server
/// that is gone for Redis may still have what it had. What cannot be known now is asked at the next look.
void Pump::act(AskForOwners& ask) {
  std::vector<LeaseId> leases;
  for (const auto& row : ask.rows) leases.push_back(row.lease);
  auto places = machine_.places_of(leases);
  if (!places) return;
  auto rows = std::make_shared<std::vector<EntryRow>>();
  std::vector<RemoteReport> asked;
  std::map<JobId, Result<bool>> jobs;
  for (auto& row : ask.rows) {
    if (places->at(row.lease).peer) continue;
    auto known = jobs.find(row.job);
    if (known == jobs.end()) known = jobs.emplace(row.job, machine_.has_job(row.job)).first;
    if (!known->second) continue;
    if (!*known->second) {
      ask_for_server(ask.stream, row);
      continue;
    }
    // A report of nothing is answered with how it stands with the lease.
    asked.push_back({row.lease, {}});
    rows->push_back(std::move(row));
  }
  if (asked.empty()) return;
  auto then = [this, box = mailbox_, stream = ask.stream, rows, places = std::move(*places)](auto news) {
    if (!news) return;
    box->post([this, stream, rows, places, news = std::move(*news)] { took_owners(stream, *rows, places, news); });
  };
  machine_.report_then("", std::move(asked), std::move(then));
}

void Pump::took_owners(StreamNumber stream, const std::vector<EntryRow>& rows,
                       const std::map<LeaseId, LeasePlace>& places, const std::vector<LeaseNews>& news) {
  std::map<LeaseId, LeaseState> states;
  for (const auto& each : news) states.emplace(each.lease, each.state);
  for (const auto& row : rows) {
    const auto state = states.at(row.lease);
    if (state != LeaseState::gone) {
      book_.adopt(stream, row, now());
      book_.news({{row.lease, state}}, now());
    } else if (places.at(row.lease).is_certain) {
      RemoveEntry remove{stream, row.id};
      act(remove);
    }
  }
}

/// Of a job that is not in the store. Servers on other stores may have the same prefix by mistake.
void Pump::ask_for_server(StreamNumber stream, const EntryRow& row) {
  writer_.send({"EXISTS", keys_.inbox(row.server)}, [this, stream, id = row.id](const Reply& reply) {
    if (reply.is_error() || reply.integer() != 0 || servers_.size() != 1) return;
    // Nobody knows its job. Whoever has it is told so.
    RemoveEntry remove{stream, id};
    act(remove);
  });
}

}  // namespace coremachine::redis
