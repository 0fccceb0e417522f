#include "triggers/cli/bench/http_bench.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <coremachine/model/error.hpp>

#include "core/model/value_parser.hpp"
#include "triggers/cli/bench/bare_server.hpp"
#include "triggers/cli/bench/bench_jobs.hpp"
#include "triggers/cli/bench/child_process.hpp"
#include "triggers/cli/bench/http_crowd.hpp"
#include "triggers/cli/bench/http_load.hpp"
#include "triggers/cli/bench/raw_rates.hpp"
#include "triggers/cli/serve/serve.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t read_jobs = 1'000;
constexpr double mebibyte = 1024.0 * 1024.0;

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

std::string hello(std::string_view type, std::string_view query) {
  return post_request("/api/v1/jobs/" + std::string(type) + std::string(query), R"({"message":"Welcome"})");
}

HttpAnswer asked(HttpProbe& probe, std::string_view request, int status) {
  auto answer = probe.ask(request);
  if (answer.status == status) return answer;
  throw Failure(Error{ErrorCode::task_failed, "the server answered " + std::to_string(answer.status) + " instead of " +
                                                  std::to_string(status) + ": " + answer.body});
}

/// A bare server and the one that is measured, each asked for as long as the other, one after the other.
struct Duel {
  std::vector<double> bare = {};
  std::vector<double> ours = {};
  std::vector<double> ratios = {};
  std::vector<double> bare_us = {};  ///< of the processor, for one request
  std::vector<double> our_us = {};

  void add(const HttpLoad::Figures& of_bare, const HttpLoad::Figures& of_ours) {
    bare.push_back(of_bare.rate());
    ours.push_back(of_ours.rate());
    ratios.push_back(of_ours.rate() / of_bare.rate());
  }
  json::object figures() const {
    return {{"requests_per_second", std::round(percentile(ours, 0.5))},
            {"bare_requests_per_second", std::round(percentile(bare, 0.5))},
            {"ratio_to_bare", rounded(percentile(ratios, 0.5))},
            {"processor_us", rounded(percentile(our_us, 0.5))},
            {"bare_processor_us", rounded(percentile(bare_us, 0.5))}};
  }
};

class HttpRun {
 public:
  /// The servers run on this core, or wherever the system puts them.
  HttpRun(const HttpBench& bench, std::optional<int> core)
      : bench_(bench),
        core_(core),
        server_(core, [&bench, this] { serve_jobs(bench, directory_.path()); }),
        probe_(server_.port()) {}

  json::object reads();
  json::object latency();
  json::object submissions();
  json::object memory();
  json::object waiting();

 private:
  static void serve_jobs(const HttpBench& bench, const std::string& directory) {
    ServeOptions options;
    options.listen = "127.0.0.1:0";
    options.store = bench.store.empty() ? "sqlite:" + directory + "/bench.db" : bench.store;
    options.log_level = LogLevel::warn;
    options.register_more = register_bench_jobs;
    serve(options);
  }
  std::vector<std::string> finished_jobs();
  double wait_until_idle();
  double hello_us(std::string_view type);
  void wait_for_gauge(std::string_view name);
  json::object crowd(const std::string& path, std::string_view gauge, const std::string& end);
  template <class Ours>
  Duel duel(unsigned status, std::size_t body, const std::vector<std::string>& requests, Ours ours);

  const HttpBench& bench_;
  const std::optional<int> core_;
  BenchDirectory directory_ = {};
  ChildProcess server_;
  HttpProbe probe_;
};

template <class Ours>
Duel HttpRun::duel(unsigned status, std::size_t body, const std::vector<std::string>& requests, Ours ours) {
  const ChildProcess bare(core_, [=] { serve_bare(status, body); });
  HttpLoad bare_clients(bare.port(), bench_.clients);
  HttpLoad clients(server_.port(), bench_.clients);
  bare_clients.run(bench_.clients * 10, requests, static_cast<int>(status));
  Duel duel;
  for (unsigned turn = 0; turn < bench_.repeat; ++turn) {
    const auto timed = [](const ChildProcess& process, std::vector<double>& us, const auto& load) {
      const auto before = process.processor_seconds();
      const HttpLoad::Figures figures = load();
      us.push_back((process.processor_seconds() - before) * 1e6 / static_cast<double>(figures.answers));
      return figures;
    };
    const auto of_bare = timed(bare, duel.bare_us,
                               [&] { return bare_clients.run_for(bench_.time, requests, static_cast<int>(status)); });
    duel.add(of_bare, timed(server_, duel.our_us, [&] { return ours(clients); }));
    std::fprintf(stderr, "http: %.0f requests/s, bare %.0f/s, ratio %.2f; processor %.1f us, bare %.1f us\n",
                 duel.ours.back(), duel.bare.back(), duel.ratios.back(), duel.our_us.back(), duel.bare_us.back());
  }
  return duel;
}

/// The paths of jobs that are over.
std::vector<std::string> HttpRun::finished_jobs() {
  std::vector<std::string> requests;
  const auto submission = hello("hello_world", "?wait=30s");
  while (requests.size() < read_jobs) {
    const auto job = parse_value(asked(probe_, submission, 200).body);
    requests.push_back(get_request("/api/v1/jobs/" + std::string(job.at("job_id").as_string())));
  }
  return requests;
}

json::object HttpRun::reads() {
  const auto requests = finished_jobs();
  const auto body = asked(probe_, requests.front(), 200).body.size();
  std::fprintf(stderr, "http: reads of a finished job, %zu bytes\n", body);
  auto figures = duel(200, body, requests, [&](HttpLoad& clients) {
                   return clients.run_for(bench_.time, requests, 200);
                 }).figures();
  figures["body_bytes"] = body;
  return figures;
}

double HttpRun::hello_us(std::string_view type) {
  const auto request = hello(type, "?wait=30s");
  const auto began = Clock::now();
  asked(probe_, request, 200);
  return std::chrono::duration<double, std::micro>(Clock::now() - began).count();
}

json::object HttpRun::latency() {
  std::vector<double> syncs, ahead, behind;
  for (int i = 0; i < 100; ++i) hello_us(i % 2 == 0 ? "hello_world" : "hello_world_not_pure");
  // In turn, so that all three see the same disk.
  constexpr std::uint64_t block = 50;
  for (std::uint64_t done = 0; done < bench_.samples; done += block) {
    for (const auto each : append_sync_us(directory_.path(), 4096, block)) syncs.push_back(each);
    for (std::uint64_t i = 0; i < block; ++i) ahead.push_back(hello_us("hello_world"));
    for (std::uint64_t i = 0; i < block; ++i) behind.push_back(hello_us("hello_world_not_pure"));
  }
  const auto sync = percentile(syncs, 0.5);
  std::fprintf(stderr, "http: append and sync %.0f us, hello_world %.0f us, not pure %.0f us\n", sync,
               percentile(ahead, 0.5), percentile(behind, 0.5));
  return {{"samples", ahead.size()},
          {"append_sync_p50_us", rounded(sync)},
          {"append_sync_p99_us", rounded(percentile(syncs, 0.99))},
          {"hello_world_p50_us", rounded(percentile(ahead, 0.5))},
          {"hello_world_p99_us", rounded(percentile(ahead, 0.99))},
          {"ratio_to_sync", rounded(percentile(ahead, 0.5) / sync)},
          {"not_pure_p50_us", rounded(percentile(behind, 0.5))},
          {"not_pure_p99_us", rounded(percentile(behind, 0.99))},
          {"not_pure_ratio_to_sync", rounded(percentile(behind, 0.5) / sync)}};
}

/// Seconds until all jobs are over.
double HttpRun::wait_until_idle() {
  const auto began = Clock::now();
  const auto unfinished = get_request("/api/v1/jobs?status=queued,running&limit=1");
  while (!parse_value(asked(probe_, unfinished, 200).body).at("items").as_array().empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::chrono::duration<double>(Clock::now() - began).count();
}

json::object HttpRun::submissions() {
  const std::vector<std::string> requests{hello("hello_world", "")};
  const auto body = asked(probe_, requests.front(), 202).body.size();
  std::fprintf(stderr, "http: submissions by %zu clients\n", bench_.clients);
  std::vector<double> done;
  const auto ours = [&](HttpLoad& clients) {
    const auto accepted = clients.run_for(bench_.time, requests, 202);
    done.push_back(static_cast<double>(accepted.answers) / (accepted.seconds + wait_until_idle()));
    return accepted;
  };
  auto figures = duel(202, body, requests, ours).figures();
  figures["jobs_done_per_second"] = std::round(percentile(done, 0.5));
  return figures;
}

/// Every other request runs a job and waits for it, the others read one. Where nothing is kept of a request, the memory
/// is the same after a tenth of them and after all.
json::object HttpRun::memory() {
  std::vector<std::string> requests;
  for (const auto& read : finished_jobs()) {
    requests.push_back(hello("hello_world", "?wait=30s"));
    requests.push_back(read);
  }
  HttpLoad clients(server_.port(), bench_.clients);
  const auto before = server_.resident_bytes();
  const auto tenth = clients.run(bench_.requests / 10, requests, 200);
  const auto early = server_.resident_bytes();
  const auto rest = clients.run(bench_.requests - tenth.answers, requests, 200);
  const auto late = server_.resident_bytes();
  const auto growth = static_cast<double>(late) - static_cast<double>(early);
  const auto megabytes = [](std::uint64_t bytes) { return rounded(static_cast<double>(bytes) / mebibyte); };
  std::fprintf(stderr, "http: memory %.1f MiB after %llu requests, %.1f MiB after %llu\n", megabytes(early),
               static_cast<unsigned long long>(tenth.answers), megabytes(late),
               static_cast<unsigned long long>(tenth.answers + rest.answers));
  return {{"requests", tenth.answers + rest.answers},
          {"requests_per_second", std::round(rest.rate())},
          {"mebibytes_before", megabytes(before)},
          {"mebibytes_after_a_tenth", megabytes(early)},
          {"mebibytes_after_all", megabytes(late)},
          {"bytes_per_request", rounded(growth / static_cast<double>(std::max<std::uint64_t>(1, rest.answers)))}};
}

/// Until this gauge of the server says that all clients are there.
void HttpRun::wait_for_gauge(std::string_view name) {
  const auto line = "\n" + std::string(name) + " " + std::to_string(bench_.waiting) + "\n";
  const auto metrics = get_request("/metrics");
  while (asked(probe_, metrics, 200).body.find(line) == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// All clients ask for what comes of one job; then it ends.
json::object HttpRun::crowd(const std::string& path, std::string_view gauge, const std::string& end) {
  const auto job = parse_value(asked(probe_, hello("hello_world", "?delay=1h"), 202).body);
  const auto target = "/api/v1/jobs/" + std::string(job.at("job_id").as_string());
  const auto before = server_.resident_bytes();
  HttpCrowd clients(server_.port(), bench_.waiting, get_request(target + path));
  wait_for_gauge(gauge);
  const auto bytes = (server_.resident_bytes() - before) / bench_.waiting;
  asked(probe_, post_request(target + "/cancel", "{}"), 202);
  const auto seconds = clients.wait_for_all(end);
  std::fprintf(stderr, "http: %zu clients wait for %s: %llu bytes each; all told in %.2f s\n", bench_.waiting,
               path.c_str(), static_cast<unsigned long long>(bytes), seconds);
  return {{"bytes_each", bytes}, {"all_told_in_seconds", rounded(seconds)}};
}

json::object HttpRun::waiting() {
  json::object figures{{"clients", bench_.waiting}};
  figures["for_the_end"] = crowd("?wait=60s", "coremachine_http_waiting_requests", "}");
  figures["for_events"] = crowd("/events", "coremachine_http_event_streams", "\r\n0\r\n\r\n");
  return figures;
}

}  // namespace

json::object bench_http(const HttpBench& bench) {
  const auto cores = choose_cores();
  json::object figures{{"bench", "http"}, {"clients", bench.clients}, {"runs", bench.repeat}};
  {
    HttpRun run(bench, {});
    figures["latency"] = run.latency();
    figures["submissions"] = run.submissions();
    if (bench.requests > 0) figures["memory"] = run.memory();  // what is kept of jobs that are over is full by now
  }
  // What one core answers, with the clients on another one.
  if (cores.clients) {
    run_on(*cores.clients);
  } else {
    std::fprintf(stderr, "http: there is one core for both sides; the ratios tell little\n");
  }
  figures["a_core_each"] = cores.clients.has_value();
  HttpRun run(bench, cores.server);
  figures["reads"] = run.reads();
  if (bench.waiting > 0) figures["waiting"] = run.waiting();
  return figures;
}

}  // namespace coremachine::cli
