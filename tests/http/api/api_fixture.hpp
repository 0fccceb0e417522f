#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>

#include <coremachine/runtime/core_machine.hpp>

#include "jobs/builtin.hpp"
#include "triggers/http/api/api.hpp"

namespace coremachine::tests {

/// What became of one request: filled by whoever answers, read by the test.
class Answered : public http::Outflow {
 public:
  void send(http::Response response) {
    const std::lock_guard lock(mutex_);
    if (response_) throw std::logic_error("answered twice");
    response_ = std::move(response);
    changed_.notify_all();
  }
  void begin_stream(http::Response head) {
    const std::lock_guard lock(mutex_);
    response_ = std::move(head);
    changed_.notify_all();
  }
  void on_gone_before(std::function<void()> then) {
    {
      const std::lock_guard lock(mutex_);
      if (!gone_) {
        gone_before_ = std::move(then);
        return;
      }
    }
    then();
  }

  bool write(std::string bytes) override {
    const std::lock_guard lock(mutex_);
    if (gone_) return false;
    body_ += bytes;
    undrained_ = true;
    changed_.notify_all();
    return true;
  }
  void end() override {
    std::unique_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
    // What it would call keeps the call, and so this.
    const auto kept = std::pair(std::exchange(on_drained_, nullptr), std::exchange(on_gone_, nullptr));
    lock.unlock();
  }
  void on_gone(std::function<void()> then) override {
    const std::lock_guard lock(mutex_);
    on_gone_ = std::move(then);
  }
  void on_drained(std::function<void()> then) override {
    const std::lock_guard lock(mutex_);
    on_drained_ = std::move(then);
  }

  void note_run() {
    const std::lock_guard lock(mutex_);
    ran_ = true;
  }
  /// It was made by the thread that sends it.
  bool ran() {
    const std::lock_guard lock(mutex_);
    return ran_;
  }

  /// The answer, or the head of a stream.
  http::Response response() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return response_.has_value(); });
    return *response_;
  }
  bool has_response() {
    const std::lock_guard lock(mutex_);
    return response_.has_value();
  }
  /// What a stream has brought, as soon as that is enough or it has ended; takes what is written as a client would.
  std::string read_until(const std::function<bool(const std::string&)>& enough) {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return ended_ || undrained_ || enough(body_); });
      if (std::exchange(undrained_, false) && on_drained_) {
        const auto then = on_drained_;
        lock.unlock();
        then();
        lock.lock();
        continue;
      }
      if (ended_ || enough(body_)) return body_;
    }
  }
  std::string read_all() {
    return read_until([](const std::string&) { return false; });
  }
  /// The client goes away.
  void go() {
    std::unique_lock lock(mutex_);
    gone_ = true;
    const auto then = response_ ? on_gone_ : gone_before_;
    const auto kept = std::exchange(on_drained_, nullptr);
    on_gone_ = gone_before_ = nullptr;
    lock.unlock();
    if (then) then();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http::Response> response_;
  std::string body_;
  bool undrained_ = false;
  bool ended_ = false;
  bool gone_ = false;
  bool ran_ = false;
  std::function<void()> on_gone_;
  std::function<void()> on_drained_;
  std::function<void()> gone_before_;
};

class TestOutlet : public http::Outlet {
 public:
  explicit TestOutlet(std::shared_ptr<Answered> answered) : answered_(std::move(answered)) {}
  void send(http::Response response) override { answered_->send(std::move(response)); }
  std::shared_ptr<http::Outflow> stream(http::Response head) override {
    answered_->begin_stream(std::move(head));
    return answered_;
  }
  void on_gone(std::function<void()> then) override { answered_->on_gone_before(std::move(then)); }
  /// On the thread that asks for it, mostly the engine's: what would wait for the engine or the store never ends.
  bool run(std::function<void()>& work) override {
    answered_->note_run();
    work();
    return true;
  }

 private:
  std::shared_ptr<Answered> answered_;
};

/// Answers of the API on a machine in memory, without sockets.
class ApiFixture {
 public:
  explicit ApiFixture(http::ApiOptions options = {}, MachineOptions machine_options = {},
                      const std::function<void(JobRegistry&, TaskRegistry&)>& add = {}) {
    register_builtin_jobs(jobs, tasks);
    if (add) add(jobs, tasks);
    machine_options.jobs = &jobs;
    machine_options.tasks = &tasks;
    machine_options.log = [](std::string_view) {};
    machine = std::make_unique<CoreMachine>(std::move(machine_options));
    options.machine = machine.get();
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.version = "test";
    api = std::make_unique<http::Api>(std::move(options));
  }
  ~ApiFixture() {
    api->drain(Milliseconds{60'000});
    machine->stop();
  }

  std::shared_ptr<Answered> begin(std::string method, std::string target, std::string body = {},
                                  std::vector<http::Field> fields = {}) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.fields = std::move(fields);
    request.id = "request-1";
    auto answered = std::make_shared<Answered>();
    api->handle(std::move(request), std::make_unique<TestOutlet>(answered));
    return answered;
  }
  http::Response ask(std::string method, std::string target, std::string body = {},
                     std::vector<http::Field> fields = {}) {
    return begin(std::move(method), std::move(target), std::move(body), std::move(fields))->response();
  }
  http::Response get(std::string target) { return ask("GET", std::move(target)); }
  http::Response post(std::string target, std::string body = {}) {
    return ask("POST", std::move(target), std::move(body));
  }
  std::string submit(const std::string& type, const std::string& params, const std::string& query = "") {
    return text(json_of(post("/api/v1/jobs/" + type + query, params)), "job_id");
  }

  static json::object json_of(const http::Response& response) { return json::parse(response.body).as_object(); }
  static std::string text(const json::object& object, std::string_view name) {
    return std::string(object.at(name).as_string());
  }
  /// Where the faults are that a problem tells.
  static std::set<std::string> pointers(const http::Response& response) {
    std::set<std::string> all;
    const auto problem = json_of(response);
    for (const auto& fault : problem.at("errors").as_array()) all.emplace(fault.at("pointer").as_string());
    return all;
  }
  /// The values of all fields of this name, in a line. Names are lower case, as the writer wants them.
  static std::string field(const http::Response& response, std::string_view said) {
    std::string name(said);
    for (auto& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::string values;
    for (const auto& each : response.fields) {
      if (each.name == name) values.append(values.empty() ? "" : ", ").append(each.value);
    }
    return values;
  }

  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<CoreMachine> machine;
  std::unique_ptr<http::Api> api;
};

}  // namespace coremachine::tests
