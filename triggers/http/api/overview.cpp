#include "triggers/http/api/overview.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>

#include "triggers/http/api/answers.hpp"
#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

constexpr Milliseconds between_looks{1'000};
/// Of a thread's time at most this part is spent on counting jobs.
constexpr int count_share = 20;

Timestamp wall_clock() {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

Overview::Overview(Api& api) : api_(api), started_at_(wall_clock()) {}

void Overview::begin() {
  arm(Milliseconds{0}, &Overview::sample);
}

void Overview::arm(Milliseconds delay, void (Overview::*work)()) {
  api_.timers().after(delay, [weak = weak_from_this(), work] {
    const auto self = weak.lock();
    if (!self) return;
    // If no thread is free, there will be another time.
    const bool taken = self->api_.run_on_reader([weak, work] {
      if (const auto again = weak.lock()) ((*again).*work)();
    });
    if (!taken && !self->api_.closed()) self->arm(between_looks, work);
  });
}

void Overview::sample() {
  if (api_.closed()) return;
  if (api_.options().metrics) {
    const auto newest = reading_of(api_.options().metrics());
    const std::lock_guard lock(mutex_);
    reading_ = newest;
    reading_until_ = Clock::now() + between_looks;
    series_.add(wall_clock(), newest);
  }
  arm(Series::interval, &Overview::sample);
}

Reading Overview::reading() {
  {
    const std::lock_guard lock(mutex_);
    if (Clock::now() < reading_until_ || !api_.options().metrics) return reading_;
    reading_until_ = Clock::now() + between_looks;
  }
  auto newest = reading_of(api_.options().metrics());
  const std::lock_guard lock(mutex_);
  return reading_ = std::move(newest);
}

Result<JobCounts> Overview::counts() {
  const std::lock_guard lock(count_mutex_);
  const auto begin = Clock::now();
  if (begin < counts_until_) return counts_;
  auto counted = api_.machine().count_jobs();
  if (!counted) return counted;
  const auto end = Clock::now();
  counts_ = std::move(*counted);
  counts_until_ = end + std::max<Clock::duration>(between_looks * 9 / 10, (end - begin) * count_share);
  return counts_;
}

Result<json::object> Overview::now(bool with_series) {
  const auto counted = counts();
  if (!counted) return counted.error();
  const auto read = reading();
  json::object jobs;
  for (const auto status : all_job_statuses) {
    const auto at = counted->find(status);
    jobs[to_string(status)] = at == counted->end() ? 0 : at->second;
  }
  const auto whole = [](double value) { return static_cast<std::uint64_t>(std::max(0.0, value)); };
  json::object out{{"version", api_.options().version}};
  out["started_at"] = to_rfc3339(started_at_);
  out["jobs"] = std::move(jobs);
  out["unfinished"] = whole(read.jobs_unfinished);
  out["tasks"] = json::object{
      {"queued", whole(read.tasks_queued)}, {"running", whole(read.tasks_running)}, {"ended", whole(read.tasks_ended)}};
  out["store"] =
      json::object{{"bytes", whole(read.store_bytes)}, {"full", read.store_full}, {"failed", read.store_failed}};
  out["streams"] = api_.streams().size();
  const std::lock_guard lock(mutex_);
  out["sampled_at"] = series_.last() ? json::value(to_rfc3339(*series_.last())) : json::value(nullptr);
  if (with_series) out["series"] = series_.to_json();
  return out;
}

void Overview::watch(const std::shared_ptr<Call>& call) {
  if (call->is_head()) return call->send(event_stream_head());
  auto watcher = std::make_shared<Watcher>();
  const std::weak_ptr<Watcher> weak = watcher;
  watcher->call = call;
  watcher->seat = api_.streams().enter(std::nullopt, [self = shared_from_this(), weak] { self->close(weak); });
  if (!watcher->seat) {
    return call->refuse(Error{ErrorCode::overloaded, "too many event streams are open already; come again"});
  }
  const auto flow = call->stream(event_stream_head());
  if (!flow) return;
  flow->on_gone([self = shared_from_this(), weak] { self->drop(weak); });
  flow->on_drained([self = shared_from_this(), weak] {
    const std::lock_guard lock(self->mutex_);
    if (const auto drained = weak.lock()) drained->writing = false;
  });
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (watcher->closed) return flow->end();
    watcher->flow = flow;
    watchers_.push_back(watcher);
    first = !std::exchange(looking_, true);
  }
  if (first) return look();
  // Whoever comes while others watch is told what they were told last.
  tell({});
}

/// What has changed is told to all, and looked at again later, as long as somebody watches.
void Overview::look() {
  auto newest = api_.closed() ? Result<json::object>(Error{ErrorCode::draining, ""}) : now(false);
  tell(newest ? json::serialize(*newest) : std::string());
  {
    const std::lock_guard lock(mutex_);
    looking_ = !watchers_.empty() && !api_.closed();
    if (!looking_) return;
  }
  arm(between_looks, &Overview::look);
}

/// `text` empty: nothing new.
void Overview::tell(const std::string& text) {
  std::vector<std::pair<std::shared_ptr<Watcher>, std::string>> writes;
  {
    const std::lock_guard lock(mutex_);
    if (!text.empty() && text != text_) {
      text_ = text;
      ++number_;
    }
    const auto quiet_most = static_cast<unsigned>(api_.options().heartbeat / between_looks);
    for (const auto& watcher : watchers_) {
      if (watcher->writing) continue;
      const bool news = watcher->told != number_;
      if (!news && !(text.empty() ? false : ++watcher->quiet_for >= quiet_most)) continue;
      watcher->writing = true;
      watcher->quiet_for = 0;
      watcher->told = number_;
      writes.emplace_back(watcher, news
                                       ? "id: " + std::to_string(number_) + "\nevent: overview\ndata: " + text_ + "\n\n"
                                       : std::string(":\n\n"));
    }
  }
  for (auto& [watcher, bytes] : writes) {
    if (!watcher->flow->write(std::move(bytes))) drop(watcher);
  }
}

void Overview::close(const std::weak_ptr<Watcher>& watcher) {
  const auto gone = watcher.lock();
  if (!gone) return;
  std::shared_ptr<Outflow> flow;
  {
    const std::lock_guard lock(mutex_);
    gone->closed = true;
    flow = gone->flow;
  }
  if (flow) flow->end();
  drop(watcher);
}

void Overview::drop(const std::weak_ptr<Watcher>& watcher) {
  const auto gone = watcher.lock();
  if (!gone) return;
  {
    const std::lock_guard lock(mutex_);
    watchers_.remove(gone);
  }
  gone->seat->leave();
}

}  // namespace coremachine::http
