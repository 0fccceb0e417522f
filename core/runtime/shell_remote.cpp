// Workers in other processes, on the side of the machine.

#include <algorithm>
#include <utility>

#include "core/runtime/load_job.hpp"
#include "core/runtime/schedule_duty.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {
namespace {

constexpr std::size_t max_name = 128;
constexpr std::uint32_t max_concurrency = 100'000;
/// So many of a lease's tasks are shown to those who look on.
constexpr std::uint32_t shown_tasks = 100;

Error bad(std::string why) {
  return Error{ErrorCode::invalid_argument, std::move(why)};
}

}  // namespace

/// Types that this program does not know are left out: no job here has tasks of them, and their names are the
/// worker's own.
Result<machine::Taker> Shell::taker_of(RemoteWorker worker) const {
  if (worker.name.empty() || worker.name.size() > max_name)
    return bad("a worker has a name, of at most " + std::to_string(max_name) + " bytes");
  if (worker.name == "local") return bad("\"local\" names the workers of the machine itself");
  if (worker.concurrency < 1 || worker.concurrency > max_concurrency)
    return bad("the concurrency of a worker goes from 1 to " + std::to_string(max_concurrency));
  machine::Taker taker;
  taker.name = std::move(worker.name);
  taker.kind = std::move(worker.kind);
  taker.concurrency = worker.concurrency;
  taker.many = worker.many;
  for (auto& type : worker.task_types) {
    const auto info = tasks_.get_info(type);
    if (info && info->enabled && info->resolver_id == worker.resolver_id) taker.task_types.push_back(std::move(type));
  }
  return taker;
}

std::string Shell::resolver_of(const std::string& task_type) const {
  const auto info = tasks_.get_info(task_type);
  return info ? info->resolver_id : "default";
}

void Shell::off_the_driver(std::function<void()> work) {
  io_->execute(std::move(work));
}

std::vector<std::pair<machine::SliceId, Lease>> Shell::read_leases() const {
  std::vector<std::pair<machine::SliceId, Lease>> leases;
  for (const auto& setting : setup_.store->read_settings("lease")) {
    try {
      leases.emplace_back(std::stoull(setting.name), decode_lease(*setting.value));
    } catch (const std::exception& error) {
      throw Failure(Error{ErrorCode::store_damaged, "the lease " + setting.name + " cannot be read: " + error.what()});
    }
  }
  return leases;
}

void Shell::recover_leases() {
  const auto now = draw();
  const bool shared = setup_.store->peers() != nullptr;
  for (auto& [id, lease] : read_leases()) {
    // Among several machines, a lease on a job that is not here is somebody else's.
    if (!shared || engine_->find(lease.slice.job)) engine_->adopt_lease(now, id, std::move(lease));
  }
}

// ---- other machines on the same store ----

std::vector<Peers::JobKind> Shell::job_kinds() const {
  std::vector<Peers::JobKind> kinds;
  for (const auto& info : jobs_.list_all_versions()) kinds.emplace_back(info.name, info.version);
  return kinds;
}

Reason Shell::why_nobodys(const JobView& job) const {
  const auto kinds = job_kinds();
  const bool is_known = std::find(kinds.begin(), kinds.end(), Peers::JobKind(job.type, job.version)) != kinds.end();
  if (is_known)
    return {ReasonCode::queued, 0, {}, "the server that had the job is gone; another one goes on with it in a moment"};
  return {ReasonCode::no_worker,
          1,
          {},
          "no server that is there has version " + job.version + " of the job type \"" + job.type +
              "\"; the job waits for one that has"};
}

/// What this machine had before it started anew, and what others have left.
std::size_t Shell::adopt_left(Peers& peers) {
  peers.beat(setup_.options.server_term);
  const auto kinds = job_kinds();
  std::size_t jobs = 0;
  for (;;) {
    const auto taken = peers.take_over(kinds, 1000);
    if (taken.empty()) return jobs;
    for (const auto id : taken) {
      if (const auto stored = setup_.store->read_job(id)) engine_->adopt(load_to_go_on(*setup_.store, *stored));
    }
    jobs += taken.size();
  }
}

void Shell::join(Peers& peers) {
  ended_jobs_.turn_off();
  PeersDuty::Setup duty;
  duty.peers = &peers;
  duty.term = setup_.options.server_term;
  duty.kinds = job_kinds();
  duty.take_up = [this](const std::vector<JobId>& jobs, std::uint32_t deaths) { take_up(jobs, deaths); };
  duty.fenced = [this](const Error& error) { post(StoreFailedInput{error}); };
  duty.is_first = [this](bool first) {
    is_first_ = first;
    if (first) schedules_->load();
  };
  duty.log = [this](const std::string& message) { log(message); };
  peers_ = std::make_unique<PeersDuty>(std::move(duty));
  peers_->start();
}

/// They are ours in the store already, so that nobody else changes them. One that cannot be read keeps no other back.
void Shell::take_up(const std::vector<JobId>& jobs, std::uint32_t deaths) {
  TakeUpInput input;
  input.deaths = deaths;
  for (const auto id : jobs) {
    try {
      if (const auto stored = setup_.store->read_job(id)) input.jobs.push_back(load_to_go_on(*setup_.store, *stored));
    } catch (const Failure& failure) {
      if (failure.error().code != ErrorCode::store_damaged) throw;
      log_->error("a job cannot be taken over: " + failure.error().message, {{"job_id", id.str()}});
    }
  }
  input.leases = read_leases();
  post(std::move(input));
}

std::vector<WorkerStatus> Shell::remote_workers() const {
  const auto& remote = engine_->remote();
  std::map<std::string, WorkerStatus> workers;
  for (const auto& [name, known] : remote.workers) {
    if (known.taker.many) continue;
    auto& worker = workers[name];
    worker.name = name;
    worker.kind = known.taker.kind;
    worker.concurrency = known.taker.concurrency;
    worker.task_types = known.taker.task_types;
    worker.connected_at = known.connected_at;
    worker.last_seen = known.last_seen;
  }
  for (const auto& [id, held] : remote.leases) {
    const auto found = workers.find(held.shown_worker());
    if (found == workers.end()) continue;
    const auto& slice = held.lease.slice;
    for (std::uint32_t i = 0; i < std::min(slice.count, shown_tasks); ++i) {
      RunningTask task;
      task.job = slice.job;
      task.stage = slice.stage;
      task.round = slice.round;
      task.index = TaskIndex{slice.chunk} * chunk_size + slice.offset_at(i);
      task.task_type = held.lease.task_type;
      task.attempt = slice.attempt_at(i);
      task.started_at = held.handed_out;
      found->second.tasks.push_back(std::move(task));
    }
  }
  std::vector<WorkerStatus> list;
  for (auto& [name, worker] : workers) {
    std::sort(worker.tasks.begin(), worker.tasks.end(), [](const RunningTask& a, const RunningTask& b) {
      return std::tuple(a.started_at, a.job, a.round, a.index) < std::tuple(b.started_at, b.job, b.round, b.index);
    });
    list.push_back(std::move(worker));
  }
  return list;
}

}  // namespace coremachine::runtime
