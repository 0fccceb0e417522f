#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "jobs/builtin.hpp"
#include "triggers/cli/bench/bench_jobs.hpp"
#include "triggers/cli/bench/http_bench.hpp"
#include "triggers/cli/bench/raw_rates.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/config/command_settings.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/postgres/optional_stores.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

struct BenchArguments {
  std::uint64_t tasks = 1'000'000;
  std::uint64_t jobs = 10'000;
  std::uint64_t samples = 1'000;
  unsigned repeat = 3;
  std::uint64_t requests = 1'000'000;
  std::uint64_t clients = 64;
  std::uint64_t waiting = 10'000;
  unsigned workers = 0;
  bool fail_first = false;
  std::string store;
};

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

/// A machine with the built-in jobs on a store of its own.
struct BenchMachine {
  BenchMachine(const BenchArguments& arguments, const std::string& directory) {
    register_builtin_jobs(jobs, tasks);
    register_bench_jobs(jobs, tasks);
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    url = arguments.store.empty() ? "sqlite:" + directory + "/bench.db" : arguments.store;
    options.store = url;
    if (arguments.workers > 0) options.workers = arguments.workers;
    options.max_jobs = 10'000'000;
    bytes_before = bytes();
    machine = std::make_unique<CoreMachine>(std::move(options));
  }
  /// That the store has grown by.
  std::uint64_t new_bytes() const { return bytes() - bytes_before; }
  std::uint64_t bytes() const {
    if (!url.starts_with("sqlite:")) return 0;
    const auto path = url.substr(7);
    std::error_code none;
    std::uint64_t total = 0;
    for (const auto* suffix : {"", "-wal"}) {
      const auto size = std::filesystem::file_size(path + suffix, none);
      if (!none) total += size;
    }
    return total;
  }
  JobRegistry jobs;
  TaskRegistry tasks;
  std::string url;
  std::uint64_t bytes_before = 0;
  std::unique_ptr<CoreMachine> machine;
};

std::uint64_t expected_sum(std::uint64_t tasks) {
  return tasks == 0 ? 0 : tasks * (tasks - 1) / 2;
}

/// What the bare store does, beside which the engine is shown: the one that is measured.
struct Bare {
  explicit Bare(const BenchArguments& arguments) : server(bare_postgres(arguments.store)) {}
  double rows_per_second(const std::string& directory, std::uint64_t rows) {
    if (!server) return bare_rows_per_second(directory, rows);
    packed.push_back(server->packed_per_second(rows));
    for (const auto each : server->commit_us(50)) commits.push_back(each);
    return server->rows_per_second(std::min<std::uint64_t>(rows, 200'000));
  }
  void tell(json::object& figures) const {
    if (!server) return;
    figures["bare_packed_per_second"] = std::round(percentile(packed, 0.5));
    figures["bare_commit_p50_us"] = rounded(percentile(commits, 0.5));
  }
  std::unique_ptr<BarePostgres> server;
  std::vector<double> packed = {};
  std::vector<double> commits = {};
};

json::object bench_fanout(const BenchArguments& arguments) {
  std::vector<double> rates, bares, ratios, sizes, syncs;
  Bare bare_store(arguments);
  for (unsigned turn = 0; turn < arguments.repeat; ++turn) {
    const BenchDirectory directory;
    const auto bare = bare_store.rows_per_second(directory.path(), std::min<std::uint64_t>(arguments.tasks, 1'000'000));
    for (const auto each : append_sync_us(directory.path(), 4096, 50)) syncs.push_back(each);
    double rate = 0;
    {
      BenchMachine bench(arguments, directory.path());
      json::object params{{"count", arguments.tasks}};
      if (arguments.fail_first) {
        params["fail_percent"] = 100;
        params["fail_attempts"] = 1;
      }
      const auto began = Clock::now();
      const auto job = bench.machine->run("fan_out", params).value();
      rate = static_cast<double>(arguments.tasks) / seconds_since(began);
      if (!job.result || job.result->at("sum").to_number<std::uint64_t>() != expected_sum(arguments.tasks)) {
        throw Failure(Error{ErrorCode::task_failed, "the sum of the results is wrong"});
      }
      bench.machine->stop();
      sizes.push_back(static_cast<double>(bench.new_bytes()) /
                      static_cast<double>(std::max<std::uint64_t>(1, arguments.tasks)));
    }
    rates.push_back(rate);
    bares.push_back(bare);
    ratios.push_back(rate / bare);
    std::fprintf(stderr, "fanout: %.0f tasks/s, bare rows %.0f/s, ratio %.2f\n", rate, bare, rate / bare);
  }
  json::object figures{{"bench", "fanout"},
                       {"tasks", arguments.tasks},
                       {"every_task_fails_first", arguments.fail_first},
                       {"tasks_per_second", std::round(percentile(rates, 0.5))},
                       {"bare_rows_per_second", std::round(percentile(bares, 0.5))},
                       {"ratio_to_bare_rows", rounded(percentile(ratios, 0.5))},
                       {"append_sync_p50_us", rounded(percentile(syncs, 0.5))},
                       {"bytes_per_task", rounded(percentile(sizes, 0.5))},
                       {"runs", arguments.repeat}};
  bare_store.tell(figures);
  return figures;
}

json::object bench_jobs(const BenchArguments& arguments) {
  std::vector<double> rates, bares, ratios, syncs;
  Bare bare_store(arguments);
  for (unsigned turn = 0; turn < arguments.repeat; ++turn) {
    const BenchDirectory directory;
    const auto bare = bare_store.rows_per_second(directory.path(), 200'000);
    for (const auto each : append_sync_us(directory.path(), 4096, 50)) syncs.push_back(each);
    BenchMachine bench(arguments, directory.path());
    std::promise<void> all;
    std::atomic<std::uint64_t> left{arguments.jobs};
    std::atomic<std::uint64_t> wrong{0};
    const auto began = Clock::now();
    for (std::uint64_t i = 0; i < arguments.jobs; ++i) {
      bench.machine->run_then("hello_world", {{"message", "Welcome"}}, {}, [&](const Result<JobView>& job) {
        if (!job || job->status != JobStatus::completed) ++wrong;
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().wait();
    const auto rate = static_cast<double>(arguments.jobs) / seconds_since(began);
    if (wrong > 0) throw Failure(Error{ErrorCode::task_failed, std::to_string(wrong) + " jobs did not complete"});
    rates.push_back(rate);
    bares.push_back(bare);
    ratios.push_back(rate / bare);
    std::fprintf(stderr, "jobs: %.0f jobs/s, bare rows %.0f/s\n", rate, bare);
  }
  json::object figures{{"bench", "jobs"},
                       {"jobs", arguments.jobs},
                       {"jobs_per_second", std::round(percentile(rates, 0.5))},
                       {"bare_rows_per_second", std::round(percentile(bares, 0.5))},
                       {"ratio_to_bare_rows", rounded(percentile(ratios, 0.5))},
                       {"append_sync_p50_us", rounded(percentile(syncs, 0.5))},
                       {"runs", arguments.repeat}};
  bare_store.tell(figures);
  return figures;
}

std::vector<double> submit_to_result_us(BenchMachine& bench, std::string_view job_type, std::uint64_t count) {
  std::vector<double> times;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto began = Clock::now();
    const auto job = bench.machine->run(job_type, {{"message", "Welcome"}}).value();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
    if (job.status != JobStatus::completed)
      throw Failure(Error{ErrorCode::task_failed, "hello_world did not complete"});
  }
  return times;
}

json::object bench_latency(const BenchArguments& arguments) {
  const BenchDirectory directory;
  BenchMachine bench(arguments, directory.path());
  const std::string pure = "hello_world", cautious = "hello_world_not_pure";
  std::vector<double> syncs, ahead, behind;
  submit_to_result_us(bench, pure, 50);
  submit_to_result_us(bench, cautious, 50);
  // In turn, so that all three see the same disk.
  constexpr std::uint64_t block = 50;
  for (std::uint64_t done = 0; done < arguments.samples; done += block) {
    for (const auto each : append_sync_us(directory.path(), 4096, block)) syncs.push_back(each);
    for (const auto each : submit_to_result_us(bench, pure, block)) ahead.push_back(each);
    for (const auto each : submit_to_result_us(bench, cautious, block)) behind.push_back(each);
  }
  const auto sync = percentile(syncs, 0.5);
  Bare bare_store(arguments);
  json::object figures{{"bench", "latency"},
                       {"samples", arguments.samples},
                       {"bare_rows_per_second", std::round(bare_store.rows_per_second(directory.path(), 200'000))},
                       {"append_sync_p50_us", rounded(sync)},
                       {"append_sync_p99_us", rounded(percentile(syncs, 0.99))},
                       {"hello_world_p50_us", rounded(percentile(ahead, 0.5))},
                       {"hello_world_p99_us", rounded(percentile(ahead, 0.99))},
                       {"ratio_to_sync", rounded(percentile(ahead, 0.5) / sync)},
                       {"not_pure_p50_us", rounded(percentile(behind, 0.5))},
                       {"not_pure_p99_us", rounded(percentile(behind, 0.99))},
                       {"not_pure_ratio_to_sync", rounded(percentile(behind, 0.5) / sync)}};
  bare_store.tell(figures);
  return figures;
}

/// hello_world alone, and again behind a job of so many tasks that it runs all the while.
json::object bench_fairness(const BenchArguments& arguments) {
  const BenchDirectory directory;
  BenchMachine bench(arguments, directory.path());
  const std::string hello = "hello_world";
  submit_to_result_us(bench, hello, 50);
  const auto alone = submit_to_result_us(bench, hello, arguments.samples);
  std::promise<void> over;
  std::atomic<bool> runs{true};
  const json::object params{{"count", arguments.tasks}};
  const auto large = bench.machine->submit("fan_out", params).value();
  bench.machine->wait_then(large, [&](const Result<JobView>&) {
    runs = false;
    over.set_value();
  });
  std::vector<double> behind;
  while (runs && behind.size() < arguments.samples) behind.push_back(submit_to_result_us(bench, hello, 1).front());
  const bool all_the_while = runs;
  (void)bench.machine->cancel(large);
  over.get_future().wait();
  return {{"bench", "fairness"},
          {"tasks_ahead", arguments.tasks},
          {"samples", behind.size()},
          {"large_job_ran_all_the_while", all_the_while},
          {"alone_p50_us", rounded(percentile(alone, 0.5))},
          {"alone_p99_us", rounded(percentile(alone, 0.99))},
          {"behind_p50_us", rounded(percentile(behind, 0.5))},
          {"behind_p99_us", rounded(percentile(behind, 0.99))},
          {"ratio_p50", rounded(percentile(behind, 0.5) / percentile(alone, 0.5))}};
}

json::object bench_server(const BenchArguments& arguments) {
  HttpBench bench;
  bench.store = arguments.store;
  bench.repeat = arguments.repeat;
  bench.clients = arguments.clients;
  bench.samples = arguments.samples;
  bench.requests = arguments.requests;
  bench.waiting = arguments.waiting;
  return bench_http(bench);
}

/// One row for each figure; those that are told together are `reads.ratio_to_bare`.
void add_rows(const std::string& under, const json::object& figures, std::vector<std::vector<std::string>>& rows) {
  for (const auto& [key, value] : figures) {
    const auto name = under + std::string(key);
    if (value.is_object()) {
      add_rows(name + ".", value.get_object(), rows);
    } else {
      rows.push_back({name, value.is_string() ? std::string(value.as_string()) : compact(value)});
    }
  }
}

ExitCode run_bench(BenchArguments arguments, const SettingValues& settings,
                   json::object (*bench)(const BenchArguments&)) {
  arguments.store = settings.text("bench_store");
  if (settings.has("workers")) arguments.workers = static_cast<unsigned>(settings.count("workers"));
  const auto figures = bench(arguments);
  if (settings.format() != Format::table) {
    print_value(settings.format(), figures);
    return ExitCode::done;
  }
  std::vector<std::vector<std::string>> rows;
  add_rows("", figures, rows);
  print_table({"WHAT", "VALUE"}, rows);
  return ExitCode::done;
}

}  // namespace

void add_bench(CLI::App& program, Chosen& chosen) {
  auto* bench = program.add_subcommand(
      "bench", "Measure this machine: the engine beside its bare disk and bare store, in one run");
  bench->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help,
                       json::object (*figures)(const BenchArguments&)) {
    auto arguments = std::make_shared<BenchArguments>();
    auto* sub = bench->add_subcommand(name, help);
    sub->add_option("--repeat", arguments->repeat, "Runs; the medians are told")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    auto taken =
        std::make_shared<CommandSettings>(*sub, std::vector<std::string_view>{"bench_store", "workers", "output"});
    sub->callback([arguments, figures, taken, &chosen] {
      chosen = [arguments, figures, taken] { return run_bench(*arguments, taken->values(), figures); };
    });
    return std::pair{sub, arguments};
  };
  const auto [fanout, fanout_arguments] = add("fanout", "Tasks of one job: durable tasks/s", bench_fanout);
  fanout->add_option("--tasks", fanout_arguments->tasks, "How many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  fanout->add_flag("--fail-first", fanout_arguments->fail_first, "Every task fails once before it completes");
  const auto [many, many_arguments] = add("jobs", "Small jobs in flight: jobs/s", bench_jobs);
  many->add_option("--jobs,--tasks", many_arguments->jobs, "How many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  const auto [latency, latency_arguments] =
      add("latency", "One hello_world after another: submit to durable result", bench_latency);
  latency->add_option("--samples,--tasks", latency_arguments->samples, "How many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  const auto [fairness, fairness_arguments] =
      add("fairness", "hello_world behind a job of very many tasks, beside hello_world alone", bench_fairness);
  fairness_arguments->tasks = 10'000'000;
  fairness_arguments->samples = 200;
  fairness->add_option("--tasks", fairness_arguments->tasks, "Of the large job")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
  fairness->add_option("--samples", fairness_arguments->samples, "How many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  const auto [http, http_arguments] =
      add("http", "The server over loopback, on one core: beside a bare HTTP server", bench_server);
  http->add_option("--clients", http_arguments->clients, "That keep their connections")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000}));
  http->add_option("--samples", http_arguments->samples, "One hello_world after another")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  http->add_option("--waiting", http_arguments->waiting, "Clients that wait for one job; 0: none")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{16'000}));
  http->add_option("--requests", http_arguments->requests, "While the memory of the server is watched; 0: it is not")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{100'000'000}));
}

}  // namespace coremachine::cli
