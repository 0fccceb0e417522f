// What becomes of work when Redis, the way to it, or a worker fails: it takes longer, and that is all.

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/support/child_process.hpp"
#include "tests/support/redis_proxy.hpp"
#include "tests/support/redis_world.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

constexpr std::int64_t many = 10'000;

bool comes_true(const std::function<bool()>& is_so) {
  const auto by = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > by) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// Calls something in the middle of a stage, on the thread of a handler, once.
Step once_at(std::int64_t index, std::function<void()> what) {
  auto done = std::make_shared<std::once_flag>();
  return [index, what = std::move(what), done](std::int64_t i, TaskContext&) {
    if (i >= index) std::call_once(*done, what);
  };
}

TEST_CASE("FLUSHALL in the middle of a stage") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  RedisWorker one(redis.target(), once_at(many / 3, [&] { redis.command({"FLUSHALL"}); }));
  RedisWorker two(redis.target(), once_at(many / 2, [&] { redis.command({"FLUSHALL"}); }));
  machine.check_completed(machine.submit(many), many);
}

TEST_CASE("FLUSHALL again and again") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  RedisWorker one(redis.target(), [](auto, auto&) { std::this_thread::sleep_for(std::chrono::microseconds(100)); });
  const auto job = machine.submit(many / 2);
  std::uint64_t seen = 0;
  for (int i = 0; i < 10 && seen < many / 2; ++i) {
    REQUIRE(comes_true([&] { return machine.completed(job) > seen || machine.completed(job) == many / 2; }));
    seen = machine.completed(job) + 200;
    redis.command({"FLUSHALL"});
  }
  machine.check_completed(job, many / 2);
}

TEST_CASE("Redis is killed and comes back with nothing") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  RedisWorker one(redis.target(), [](auto, auto&) { std::this_thread::sleep_for(std::chrono::microseconds(100)); });
  RedisWorker two(redis.target());
  const auto job = machine.submit(many);
  REQUIRE(comes_true([&] { return machine.completed(job) > many / 10; }));
  redis.kill();
  CHECK(comes_true([&] { return !machine.pump().health().is_up; }));
  CHECK_FALSE(machine.pump().health().fault.empty());
  redis.start();
  machine.check_completed(job, many);
  CHECK(comes_true([&] { return machine.pump().health().is_up; }));
}

TEST_CASE("a replica takes over that is behind: entries are back that were done, others are missing") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  RedisWorker one(redis.target(), [](auto, auto&) { std::this_thread::sleep_for(std::chrono::microseconds(100)); });
  const auto job = machine.submit(many);
  REQUIRE(comes_true([&] { return machine.completed(job) > many / 20; }));
  redis.command({"SAVE"});
  REQUIRE(comes_true([&] { return machine.completed(job) > many / 5; }));
  redis.kill();
  REQUIRE(std::filesystem::exists(redis.folder() + "/dump.rdb"));
  redis.start();  // it reads the dump
  machine.check_completed(job, many);
  // What the dump has brought back is swept out.
  CHECK(comes_true([&] { return redis.command({"XLEN", "test:tasks:redis.step"}) == "0"; }));
}

TEST_CASE("messages that are lost, doubled, late and cut off") {
  COREMACHINE_NEEDS_REDIS();
  for (const std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    RedisServer redis;
    const RedisProxy::Faults faults{.lost = 60, .twice = 100, .late = 100, .cut = 30, .late_ms = 60, .unread = 30};
    RedisProxy of_machine(redis.socket(), faults, seed);
    RedisProxy of_workers(redis.socket(), faults, seed + 100);
    RedisMachine machine({of_machine.address(), "test"});
    std::atomic<int> runs{0};
    const auto step = [&](auto, auto&) {
      ++runs;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    };
    RedisWorker one({of_workers.address(), "test"}, step);
    RedisWorker two({of_workers.address(), "test"}, step);
    machine.check_completed(machine.submit(many / 2), many / 2);
    machine.check_completed(machine.submit(3), 3);
    CHECK(runs >= many / 2);
    CHECK(of_machine.harmed() + of_workers.harmed() > 0);
    of_machine.calm_down();
    of_workers.calm_down();
  }
}

TEST_CASE("a worker is killed; its tasks run elsewhere when its leases are over") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  // Made while this process has one thread.
  ChildProcess child([&](const std::function<void(const std::string&)>& say) {
    RedisWorker worker(redis.target(), [&](std::int64_t, auto&) {
      say("at work");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    });
    std::this_thread::sleep_for(std::chrono::minutes(5));
  });
  RedisMachine machine(redis.target());
  const auto job = machine.submit(2000);
  std::string line;
  for (int i = 0; i < 50; ++i) REQUIRE(child.read_line(line));
  child.kill();
  child.wait();
  RedisWorker other(redis.target());
  machine.check_completed(job, 2000);
}

TEST_CASE("a worker that vanishes, over and over") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{800});
  const auto job = machine.submit(1500);
  const auto step = [](auto, auto&) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  for (const std::uint64_t goal : {100, 200}) {
    RedisWorker worker(redis.target(), step);
    REQUIRE(comes_true([&] { return machine.completed(job) >= goal; }));
    worker.vanish();
  }
  RedisWorker worker(redis.target(), step);
  machine.check_completed(job, 1500);
}

TEST_CASE("while Redis is away, tasks for local workers go on, and those that waited in it too") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target(), "memory:", Milliseconds{30'000}, 1);
  redis.command({"SET", "test:worker:ghost",
                 R"({"schema":1,"worker":"ghost","concurrency":8,"resolver_id":"default","task_types":["redis.step"]})",
                 "PX", "60000"});
  redis.command({"SADD", "test:workers", "ghost"});
  REQUIRE(comes_true([&] { return machine.pump().health().workers == 1; }));
  const auto job = machine.submit(5000);
  REQUIRE(comes_true([&] { return machine.completed(job) > 0; }));
  redis.kill();
  machine.check_completed(job, 5000);
  machine.check_completed(machine.submit(100), 100);
}

TEST_CASE("a Redis that answers a PING and refuses everything else is asked more and more seldom") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  redis.command({"ACL", "SETUSER", "default", "-xgroup", "-xreadgroup"});
  RedisMachine machine(redis.target());
  CHECK(comes_true([&] { return machine.pump().tries() >= 4; }));
  CHECK(machine.pump().health().fault.find("NOPERM") != std::string::npos);
  redis.command({"ACL", "SETUSER", "default", "+xgroup", "+xreadgroup"});
  CHECK(comes_true([&] { return machine.pump().tries() == 0 && machine.pump().health().is_up; }));
  RedisWorker worker(redis.target());
  machine.check_completed(machine.submit(10), 10);
}

TEST_CASE("a Redis that does not answer for a while") {
  COREMACHINE_NEEDS_REDIS();
  RedisServer redis;
  RedisMachine machine(redis.target());
  RedisWorker one(redis.target(), [](auto, auto&) { std::this_thread::sleep_for(std::chrono::microseconds(100)); });
  const auto job = machine.submit(many / 2);
  REQUIRE(comes_true([&] { return machine.completed(job) > 500; }));
  redis.pause();
  std::this_thread::sleep_for(std::chrono::milliseconds(3000));  // longer than a lease
  redis.go_on();
  machine.check_completed(job, many / 2);
}

}  // namespace
