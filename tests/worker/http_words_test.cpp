// What a worker and a machine say to each other over HTTP: each side reads what the other one writes.
#include "core/worker/http_words.hpp"

#include <doctest/doctest.h>

#include "core/model/json_reader.hpp"
#include "core/model/json_text.hpp"
#include "support/fake_machine.hpp"
#include "triggers/http/api/bodies.hpp"
#include "triggers/http/api/worker_bodies.hpp"

namespace coremachine::worker {
namespace {

using test::FakeMachine;

RemoteWorker somebody() {
  return {.name = "w\"1", .concurrency = 3, .task_types = {"a", "b.c"}, .resolver_id = "etl"};
}

template <class Body>
Body read(const std::string& text) {
  const auto value = parse_strict(text).value();
  const auto faults = params::validator<Body>()(value.get_object());
  for (const auto& fault : faults) FAIL_CHECK(fault.pointer << " " << fault.detail);
  return *params::parse<Body>(value.get_object());
}

TEST_CASE("hand-outs, however many, come as they were") {
  for (std::size_t count = 0; count <= 3; ++count) {
    CAPTURE(count);
    std::vector<HandOut> sent;
    for (std::size_t i = 0; i < count; ++i) {
      auto out = FakeMachine::hand_out(0xabc + i, "some.type", i);
      out.stage = 4;
      out.round = 7;
      out.defined_in = 6;
      out.resolver_id = "etl";
      out.timeout = Milliseconds{1500};
      out.heartbeat = Milliseconds{250};
      out.alone = i == 1;
      if (i == 2) {
        out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        out.tasks[1].progress = R"({"text":"a,]}\"b","number":1.0})";
        out.tasks[1].attempt = 9;
      }
      sent.push_back(std::move(out));
    }
    const auto text = http::hand_outs_text(sent);
    CHECK(parse_strict(text).has_value());
    const auto come = read_hand_outs(text);
    REQUIRE(come.size() == sent.size());
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(come[i].lease == sent[i].lease);
      CHECK(come[i].job == sent[i].job);
      CHECK(come[i].stage == sent[i].stage);
      CHECK(come[i].round == sent[i].round);
      CHECK(come[i].defined_in == sent[i].defined_in);
      CHECK(come[i].task_type == sent[i].task_type);
      CHECK(come[i].resolver_id == sent[i].resolver_id);
      CHECK(come[i].timeout == sent[i].timeout);
      CHECK(come[i].heartbeat == sent[i].heartbeat);
      CHECK(come[i].term == sent[i].term);
      CHECK(come[i].alone == sent[i].alone);
      CHECK(come[i].traceparent == sent[i].traceparent);
      REQUIRE(come[i].tasks.size() == sent[i].tasks.size());
      for (std::size_t k = 0; k < sent[i].tasks.size(); ++k) {
        CHECK(come[i].tasks[k].index == sent[i].tasks[k].index);
        CHECK(come[i].tasks[k].attempt == sent[i].tasks[k].attempt);
        CHECK(come[i].tasks[k].params == sent[i].tasks[k].params);
        CHECK(come[i].tasks[k].progress == sent[i].tasks[k].progress);
      }
    }
  }
}

TEST_CASE("the flat form is JSON, and has every task") {
  const auto text = http::tasks_text({FakeMachine::hand_out(1, "a", 2), FakeMachine::hand_out(2, "b", 1)});
  const auto tasks = parse_strict(text).value().at("tasks").as_array();
  REQUIRE(tasks.size() == 3);
  CHECK(tasks[1].at("index") == 1);
  CHECK(tasks[2].at("task_type") == "b");
}

TEST_CASE("polls, heartbeats and leaves are read as they were meant") {
  const auto poll = read<http::PollBody>(poll_body(somebody(), 50, Milliseconds{1500}));
  CHECK(poll.worker == "w\"1");
  CHECK(poll.task_types == std::vector<std::string>{"a", "b.c"});
  CHECK(poll.concurrency == 3);
  CHECK(poll.resolver_id == "etl");
  CHECK(poll.max_tasks == 50);
  CHECK(http::wait_of(poll) == Milliseconds{1500});
  CHECK(poll.grouped);

  const std::vector<LeaseRenewal> leases{{LeaseId{5}, {{3, 2, R"({"half":true})"}}}, {LeaseId{0x1f}, {}}};
  const auto renewed = http::renewals_of(read<http::HeartbeatBody>(heartbeat_body(somebody(), leases)));
  REQUIRE(renewed.size() == 2);
  CHECK(renewed[0].lease == LeaseId{5});
  REQUIRE(renewed[0].progress.size() == 1);
  CHECK(renewed[0].progress[0].index == 3);
  CHECK(renewed[0].progress[0].attempt == 2);
  CHECK(renewed[0].progress[0].progress == R"({"half":true})");
  CHECK(renewed[1].lease == LeaseId{0x1f});

  CHECK(read<http::LeaveBody>(leave_body(somebody())).worker == "w\"1");
}

TEST_CASE("outcomes are read as they were meant, results to the letter") {
  RemoteOutcome completed;
  completed.index = 1;
  completed.attempt = 2;
  completed.result = R"({"number":1.10,"text":"]}"})";
  completed.took = std::chrono::microseconds{1500};
  RemoteOutcome failed;
  failed.index = 2;
  failed.kind = RemoteOutcome::Kind::failed;
  failed.failure = {"Kind", "line\nbreak", TaskFailure::Kind::permanent, Milliseconds{250}};
  failed.progress = "[1,2]";
  RemoteOutcome returned;
  returned.index = 3;
  returned.kind = RemoteOutcome::Kind::returned;
  const auto text = complete_body(somebody(), {{LeaseId{1}, {completed, failed}}, {LeaseId{2}, {returned}}});
  auto body = read<http::CompleteBody>(text);
  CHECK(body.worker == "w\"1");
  const auto reports = http::reports_of(std::move(body.outcomes), text);
  REQUIRE(reports.size() == 2);
  REQUIRE(reports[0].outcomes.size() == 2);
  const auto& first = reports[0].outcomes[0];
  CHECK(first.kind == RemoteOutcome::Kind::completed);
  CHECK(first.index == 1);
  CHECK(first.attempt == 2);
  CHECK(first.result == completed.result);
  CHECK(first.took == completed.took);
  const auto& second = reports[0].outcomes[1];
  CHECK(second.kind == RemoteOutcome::Kind::failed);
  CHECK(second.failure.type == "Kind");
  CHECK(second.failure.message == "line\nbreak");
  CHECK(second.failure.kind == TaskFailure::Kind::permanent);
  CHECK(second.failure.retry_after == Milliseconds{250});
  CHECK(second.progress == "[1,2]");
  CHECK(reports[1].outcomes[0].kind == RemoteOutcome::Kind::returned);
}

TEST_CASE("news come as they were, and what is none is refused") {
  const std::vector<LeaseNews> sent{{LeaseId{1}, LeaseState::held},
                                    {LeaseId{2}, LeaseState::recalled},
                                    {LeaseId{3}, LeaseState::cancelled},
                                    {LeaseId{4}, LeaseState::gone}};
  const auto come = read_news(http::news_text(sent));
  REQUIRE(come.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(come[i].lease == sent[i].lease);
    CHECK(come[i].state == sent[i].state);
  }
  for (const auto* text : {"", "{", "[]", R"({"leases":[{"lease":"1","state":"lost"}]})",
                           R"({"leases":[{"lease":"?","state":"held"}]})", R"({"leases":[]} x)"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_news(text), JsonMismatch);
  }
  for (const auto* text : {"", "null", R"({"hand_outs":[{"lease":""}]})", R"({"hand_outs":[{"tasks":{}}]})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_hand_outs(text), JsonMismatch);
  }
  CHECK(read_hand_outs(R"({"more":[1,{"a":2}],"hand_outs":[]})").empty());
}

}  // namespace
}  // namespace coremachine::worker
