// What becomes of entries when Redis, its connection or those who had them fail.

#include <algorithm>

#include "core/queue/redis/pump_book.hpp"

namespace coremachine::redis {
namespace {

/// Without Redis no worker can be heard. That is not their fault: what they have is kept for them for so many terms.
constexpr int terms_without_redis = 10;

}  // namespace

void PumpBook::connected(Time now) {
  up_ = true;
  for (StreamNumber number = 0; number < streams_.size(); ++number) actions_.emplace_back(OpenStream{number});
  // Those who have something get the time to say so.
  for (auto& [lease, out] : outs_) {
    if (out.state == State::claimed) out.heard = now;
  }
  look_at_all(now);
  for (StreamNumber number = 0; number < streams_.size(); ++number) fill(number, now);
}

void PumpBook::disconnected(Time now) {
  if (!up_) return;
  up_ = false;
  down_since_ = now;
  for (StreamNumber number = 0; number < streams_.size(); ++number) {
    streams_[number].is_looking = false;
    stop_polling(number);
  }
  for (auto& [lease, out] : outs_) {
    if (out.state == State::adding) out.is_lost_on_the_way = true;
    if (out.state == State::taking_back) set_state(out, State::waiting);
  }
}

void PumpBook::redis_forgot(Time now) {
  if (!up_) return;
  for (StreamNumber number = 0; number < streams_.size(); ++number) actions_.emplace_back(OpenStream{number});
  look_at_all(now);
}

void PumpBook::look_at_all(Time now) {
  for (auto& stream : streams_) {
    stream.look_at = stream.whole_at = now;
    stream.is_looking = false;
  }
  tick(now);
}

// ---- entries ----

void PumpBook::added(StreamNumber stream, LeaseId lease, std::string id) {
  const auto at = find(lease);
  if (at == outs_.end()) {
    actions_.emplace_back(RemoveEntry{stream, std::move(id)});
    return;
  }
  auto& out = at->second;
  out.id = std::move(id);
  out.known_at = streams_[out.stream].looks;
  if (out.state == State::adding) set_state(out, State::waiting);
}

void PumpBook::not_added(LeaseId lease, Time now) {
  const auto at = find(lease);
  if (at == outs_.end()) return;
  streams_[at->second.stream].paused_until = now + times_.pause;
  give_back(at, now);
}

void PumpBook::taken_back(LeaseId lease, const std::string& reader, Time now) {
  const auto at = find(lease);
  if (at == outs_.end() || at->second.state == State::claimed) return;
  if (!reader.empty()) {
    found_with(reader, at->second, now);
    return;
  }
  at->second.id.clear();
  give_back(at, now);
}

void PumpBook::not_taken_back(LeaseId lease) {
  const auto at = find(lease);
  if (at != outs_.end() && at->second.state == State::taking_back) set_state(at->second, State::waiting);
}

void PumpBook::adopt(StreamNumber stream, const EntryRow& row, Time now) {
  Out out;
  out.stream = stream;
  out.job = row.job;
  out.left = 1;  // at least
  out.id = row.id;
  out.state = row.worker.empty() ? State::waiting : State::claimed;
  out.worker = row.worker;
  out.is_untold = out.state == State::claimed;
  out.put = out.heard = now;
  out.known_at = streams_[stream].looks;
  const auto [at, fresh] = outs_.emplace(row.lease.value, std::move(out));
  if (fresh) count(at->second, 1);
}

// ---- looking ----

void PumpBook::looked(StreamNumber number, std::uint64_t look, const std::vector<EntryRow>& rows, Time now) {
  auto& stream = streams_[number];
  if (look != stream.looks) return;
  stream.is_looking = false;
  stream.looked_at = now;
  std::unordered_map<std::uint64_t, const EntryRow*> there;
  AskForOwners ask{number, {}};
  for (const auto& row : rows) {
    const auto found = find(row.lease);
    const bool is_ours = found != outs_.end() && found->second.stream == number && found->second.job == row.job;
    if (is_ours) {
      auto& best = there[row.lease.value];
      const auto* extra = best;
      if (!best || row.id == found->second.id) {
        best = &row;
      } else {
        extra = &row;
      }
      if (extra) actions_.emplace_back(RemoveEntry{number, extra->id});  // it came there twice
    } else if (row.server == server_) {
      actions_.emplace_back(RemoveEntry{number, row.id});  // from a time that Redis has gone back to
    } else {
      ask.rows.push_back(row);
    }
  }
  if (!ask.rows.empty()) actions_.emplace_back(std::move(ask));
  std::vector<LeaseId> lost;
  for (auto& [lease, out] : outs_) {
    if (out.stream != number) continue;
    const auto found = there.find(lease);
    const auto* row = found == there.end() ? nullptr : found->second;
    if (!row && out.is_lost_on_the_way) lost.push_back(LeaseId{lease});
    judge(out, row, now);
  }
  for (const auto lease : lost) give_back(find(lease), now);
  fill(number, now);
}

void PumpBook::glanced(StreamNumber number, std::uint64_t look, const Glance& glance, Time now) {
  auto& stream = streams_[number];
  if (look != stream.looks) return;
  stream.is_looking = false;
  std::unordered_map<std::string_view, const std::string*> readers;
  for (const auto& [id, reader] : glance.read) readers.emplace(id, &reader);
  for (auto& [lease, out] : outs_) {
    if (out.stream != number || out.state != State::waiting || out.id.empty()) continue;
    if (const auto read = readers.find(out.id); read != readers.end()) found_with(*read->second, out, now);
  }
  if (glance.length < stream.sure) {
    stream.look_at = stream.whole_at = now;  // some are lost
  } else if (glance.length > stream.sure + stream.maybe) {
    stream.whole_at = std::min(stream.whole_at, stream.looked_at + times_.look_strange);
    stream.look_at = std::min(stream.look_at, std::max(now, stream.whole_at));
  }
  fill(number, now);
}

void PumpBook::judge(Out& out, const EntryRow* row, Time now) {
  if (row) {
    out.missing.reset();
    out.is_lost_on_the_way = false;
    out.id = row->id;
    if (out.state == State::adding) set_state(out, State::waiting);
    if (out.state == State::waiting && !row->worker.empty()) found_with(row->worker, out, now);
    return;
  }
  if (out.id.empty() || out.known_at >= streams_[out.stream].looks) return;
  if (out.state == State::claimed) {
    out.id.clear();
  } else if (!out.missing) {
    out.missing = now;
  }
}

// ---- as time goes by ----

void PumpBook::tick(Time now) {
  tell_holders();
  tick_outs(now);
  for (auto& [name, known] : workers_) {
    if (now < known.told + std::min(times_.seen_every, term_ / 3)) continue;
    known.told = now;
    actions_.emplace_back(SeeWorker{known.worker});
  }
  if (!up_) return;
  for (StreamNumber number = 0; number < streams_.size(); ++number) {
    auto& stream = streams_[number];
    if (stream.is_looking || now < stream.look_at) {
      fill(number, now);
      continue;
    }
    stream.is_looking = true;
    stream.look_at = now + (stream.waiting_entries > 0 ? times_.look_soon : times_.look_often);
    const bool is_whole = now >= stream.whole_at;
    if (is_whole) stream.whole_at = now + times_.look_whole;
    ++stream.looks;
    count_entries(number);
    actions_.emplace_back(LookAt{number, stream.looks, is_whole});
    fill(number, now);
  }
}

/// Redis does in order what it is told: what was put there or removed before this look is as it will be.
void PumpBook::count_entries(StreamNumber number) {
  auto& stream = streams_[number];
  stream.sure = stream.maybe = 0;
  for (const auto& [lease, out] : outs_) {
    if (out.stream != number) continue;
    const bool is_settled = out.state == State::waiting || out.state == State::claimed;
    if (is_settled && !out.id.empty() && !out.missing) {
      ++stream.sure;
    } else if (!is_settled || out.missing) {
      ++stream.maybe;
    }
  }
}

void PumpBook::tell_holders() {
  NoteHolders note;
  for (auto& [lease, out] : outs_) {
    if (std::exchange(out.is_untold, false)) note.leases[out.worker].push_back(LeaseId{lease});
  }
  if (!note.leases.empty()) actions_.emplace_back(std::move(note));
}

void PumpBook::tick_outs(Time now) {
  std::map<StreamNumber, std::vector<LeaseRenewal>> renewals;
  std::vector<LeaseId> lost;
  for (auto& [lease, out] : outs_) {
    if (tick_out(LeaseId{lease}, out, now, renewals)) lost.push_back(LeaseId{lease});
  }
  for (auto& [number, leases] : renewals) actions_.emplace_back(RenewLeases{pump_worker(number), std::move(leases)});
  for (const auto lease : lost) give_back(find(lease), now);
}

/// True: its entry is lost.
bool PumpBook::tick_out(LeaseId lease, Out& out, Time now,
                        std::map<StreamNumber, std::vector<LeaseRenewal>>& renewals) {
  const bool is_claimed = out.state == State::claimed;
  if (!is_claimed && !up_ && now >= down_since_ + times_.without_redis) return true;
  if (!is_claimed && out.missing && now >= *out.missing + times_.claims_within) return true;
  if (up_ && !out.missing && !out.tasks.empty() && now >= out.put + times_.waits_at_most) take_back(lease, out);
  const auto quiet = now - out.heard;
  if (is_claimed && up_) {
    // Nobody has renewed it: it is gone by now, and the machine will say so.
    if (quiet < term_ + term_ / 4) return false;
  } else if (is_claimed && now >= down_since_ + terms_without_redis * term_) {
    return false;
  } else if (quiet < term_ / 3) {
    return false;
  }
  out.heard = now;
  renewals[out.stream].push_back(LeaseRenewal{lease});
  return false;
}

}  // namespace coremachine::redis
