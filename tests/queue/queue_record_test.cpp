// What lies in a queue: written, read, refused, and read of older ones.

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/queue/hand_out_entry.hpp"
#include "core/queue/queue_record.hpp"

#include <coremachine/resolve/task_spec.hpp>

namespace {

using namespace coremachine;
using namespace coremachine::queue;

const JobId some_job = *JobId::parse("01ARYZ6S41TSV4RRFFQ69G5FAV");

QueueRecord some_record() {
  QueueRecord record;
  record.task_id = TaskId{some_job, 2, 17}.str();
  record.created_at = Timestamp{Milliseconds{1719300000000}};
  record.task = SerializedTask::reference("extract_data", "examples.tasks");
  record.params = {{"n", 1}};
  record.group_id = some_job.str();
  return record;
}

QueueEntry some_entry() {
  QueueEntry entry;
  entry.lease = "1f";
  entry.job_id = some_job.str();
  entry.task_type = "extract_data";
  entry.stage = 2;
  entry.round = 2;
  entry.defined_in = 2;
  entry.term = Milliseconds{30'000};
  entry.tasks = {some_record()};
  return entry;
}

/// The record with one member set, or without it.
json::value record_with(std::string_view member, json::value value) {
  auto json = to_json(some_record());
  json[member] = std::move(value);
  return json;
}
json::value record_without(std::string_view member) {
  auto json = to_json(some_record());
  json.erase(member);
  return json;
}

std::string refusal(const json::value& record) {
  const auto read = read_record(record);
  if (read) return "read";
  CHECK(read.error().code == ErrorCode::invalid_argument);
  const auto entry = read_entry(json::value{{"schema", 1}, {"tasks", json::array{record}}});
  REQUIRE(!entry);
  CHECK(entry.error().message.find("task 0: ") != std::string::npos);
  return read.error().message;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_SUITE("queue record") {
  TEST_CASE("a record is what the contract shows") {
    const auto shown = json::parse(R"({
      "schema": 1, "task_id": "01ARYZ6S41TSV4RRFFQ69G5FAV:2:17", "status": "ready", "created_at": 1719300000.0,
      "resolver_id": "default", "strategy": "reference",
      "serialized_task": {"strategy": "reference", "payload": {"module": "examples.tasks", "name": "extract_data"}},
      "params": {"n": 1}, "attempt": 1, "group_id": "01ARYZ6S41TSV4RRFFQ69G5FAV"})");
    CHECK(json::value(to_json(some_record())) == shown);
    CHECK(read_record(shown).value() == some_record());
  }

  TEST_CASE("an entry comes back as it was") {
    CHECK(parse_entry(to_text(some_entry())).value() == some_entry());
    const auto json = json::parse(to_text(some_entry())).as_object();
    CHECK(json.at("schema") == 1);
    CHECK(json.at("tasks").as_array().size() == 1);
  }

  TEST_CASE("so does any other") {
    std::mt19937_64 random(4);
    const auto number = [&](std::uint64_t most) { return random() % (most + 1); };
    const std::vector<std::string> pieces{"a", "Z", "0", " ", "\"", "\\", "\n", "\xC3\xA9", "/", "\x01"};
    const auto word = [&] {
      std::string text;
      for (auto left = number(6); left > 0; --left) text += pieces[number(pieces.size() - 1)];
      return text;
    };
    for (int times = 0; times < 500; ++times) {
      auto entry = some_entry();
      entry.lease = word();
      entry.reply_to = word();
      entry.alone = number(1) == 1;
      entry.stage = static_cast<int>(number(1000));
      entry.round = static_cast<std::uint32_t>(random());
      entry.defined_in = static_cast<std::uint32_t>(random());
      entry.timeout = Milliseconds{number(1'000'000'000'000)};
      entry.offered_at = Timestamp{Milliseconds{number(253'402'300'799'999)}};
      entry.tasks.clear();
      for (auto left = number(4) + 1; left > 0; --left) {
        auto record = some_record();
        record.task_id = TaskId{some_job, entry.round, random()}.str();
        record.created_at = Timestamp{Milliseconds{number(253'402'300'799'999)}};
        record.attempt = static_cast<std::uint32_t>(number(UINT32_MAX - 1)) + 1;
        record.params = {{word(), random()}, {"nested", {{word(), -1}, {"x", 0.5}}}};
        if (number(1) == 1) record.progress = {{word(), word()}};
        if (number(1) == 1) record.task = SerializedTask::pickle("scale", {{word(), word()}});
        if (number(1) == 1) record.task = SerializedTask::source("python3", "print('" + word() + "')");
        entry.tasks.push_back(std::move(record));
      }
      const auto text = to_text(entry);
      CAPTURE(text);
      CHECK(parse_entry(text).value() == entry);
    }
  }

  TEST_CASE("params as deep as a machine takes them come through") {
    auto record = some_record();
    json::value deep = 1;
    for (int level = 0; level < 60; ++level) deep = json::value{{"d", std::move(deep)}};
    record.params = deep.as_object();
    auto entry = some_entry();
    entry.tasks = {record};
    CHECK(parse_entry(to_text(entry)).value() == entry);
  }

  TEST_CASE("what a reader does not know it names") {
    CHECK(has(refusal(record_with("schema", 2)), "unknown schema \"2\"; this program knows 1"));
    CHECK(has(refusal(record_with("schema", "1")), "unknown schema"));
    CHECK(has(refusal(record_with("schema", nullptr)), "unknown schema \"null\""));
    CHECK(has(refusal(record_with("status", "done")), "unknown status \"done\""));
    CHECK(has(refusal(record_with("status", "running")), "unknown status \"running\""));
    const auto strange = json::value{{"strategy", "marshal"}, {"payload", json::object()}};
    CHECK(has(refusal(record_with("serialized_task", strange)), "unknown strategy \"marshal\""));
    CHECK(has(refusal(record_with("strategy", "source")), "that of the serialised task is \"reference\""));
    CHECK(has(parse_entry(R"({"schema": 7, "tasks": []})").error().message, "unknown schema \"7\""));
    CHECK(has(parse_entry(R"({"tasks": []})").error().message, "`schema` is missing"));
    CHECK(has(parse_entry(R"({"schema": 1, "tasks": []})").error().message, "has no record"));
    CHECK(has(parse_entry(R"({"schema": 1, "tasks": {}})").error().message, "array of records"));
    CHECK(has(parse_entry(R"({"schema": 1)").error().message, "no JSON"));
    CHECK(has(parse_entry("7").error().message, "should be an object"));
  }

  TEST_CASE("what is missing or of another kind is named") {
    for (const auto* member : {"task_id", "status", "created_at", "resolver_id", "strategy", "serialized_task",
                               "params", "attempt", "group_id"}) {
      CAPTURE(member);
      CHECK(has(refusal(record_without(member)), "`" + std::string(member) + "` is missing"));
      CHECK(has(refusal(record_with(member, json::array())), "`" + std::string(member) + "`"));
    }
    CHECK(has(refusal(record_with("task_id", "")), "`task_id` is empty"));
    CHECK(has(refusal(record_with("attempt", 0)), "`attempt` should be a whole number from 1"));
    CHECK(has(refusal(record_with("attempt", 1.5)), "`attempt` should be a whole number"));
    CHECK(has(refusal(record_with("attempt", std::uint64_t{1} << 40U)), "`attempt`"));
    CHECK(has(refusal(record_with("created_at", -1)), "`created_at` should be a number of seconds"));
    CHECK(has(refusal(record_with("created_at", 1e18)), "`created_at`"));
    CHECK(has(refusal(record_with("resolver_id", "a b")), "`resolver_id` is \"a?b\""));
    CHECK(has(refusal(json::value(7)), "should be an object"));
  }

  TEST_CASE("members that are not known do no harm") {
    auto json = to_json(some_entry());
    json["later"] = json::object();
    json.at("tasks").as_array()[0].as_object()["later"] = 1;
    CHECK(read_entry(json::value(json)).value() == some_entry());
  }

  TEST_CASE("older records are read, with what they do not say filled in") {
    const auto refusal_of = [](std::string_view text) { return parse_entry(text).error().message; };
    SUBCASE("without a schema") {
      const std::string_view text = R"({"task_id": "extract_data", "status": "ready", "created_at": 1719300000.0,
        "strategy": "reference", "resolver_id": "default", "group_id": "etl_batch", "serialized_task":
        {"strategy": "reference", "payload": {"module": "examples.tasks", "name": "extract_data"}}})";
      const auto read = parse_entry(text).value();
      auto expected = some_record();
      expected.task_id = "extract_data";
      expected.params = {};
      expected.group_id = "etl_batch";
      REQUIRE(read.tasks.size() == 1);
      CHECK(read.tasks[0] == expected);
      // From here on it is a record of this schema.
      CHECK(read_record(json::value(to_json(read.tasks[0]))).value() == expected);
    }
    SUBCASE("of a queue that still belonged to a run of a workflow") {
      const std::string_view text = R"({"task_id": "load", "session_id": "12345", "status": "running",
        "created_at": 1719300000.25, "retry_count": 2, "group_id": null, "task_data":
        {"strategy": "source", "payload": {"interpreter": "python3", "source": "pass"}}})";
      const auto read = parse_entry(text).value();
      const auto& record = read.tasks.at(0);
      CHECK(record.task == SerializedTask::source("python3", "pass"));
      CHECK(record.attempt == 3);
      CHECK(record.resolver_id == "default");
      CHECK(record.group_id.empty());
      CHECK(record.created_at == Timestamp{Milliseconds{1719300000250}});
      CHECK(record.status == "ready");
    }
    SUBCASE("what is over is refused") {
      const std::string_view text = R"({"task_id": "a", "status": "success", "serialized_task":
        {"strategy": "source", "payload": {"interpreter": "sh", "source": "1"}}})";
      CHECK(has(refusal_of(text), "unknown status \"success\""));
    }
    SUBCASE("bytes of another language are refused by name") {
      const std::string_view text = R"({"task_id": "a", "serialized_task":
        {"strategy": "cloudpickle", "payload": {"data": "gASV"}}})";
      CHECK(has(refusal_of(text), "unknown strategy \"cloudpickle\""));
    }
  }

  TEST_CASE("the name of a task has one form") {
    const TaskId id{some_job, 3, 1'000'000'007};
    CHECK(id.str() == some_job.str() + ":3:1000000007");
    CHECK(TaskId::parse(id.str()) == id);
    for (const auto* wrong :
         {"", ":", "::", "a:1:1", ":1:1", "01ARYZ6S41TSV4RRFFQ69G5FAV", "01ARYZ6S41TSV4RRFFQ69G5FAV:1",
          "01ARYZ6S41TSV4RRFFQ69G5FAV:1:", "01ARYZ6S41TSV4RRFFQ69G5FAV:01:1", "01ARYZ6S41TSV4RRFFQ69G5FAV:1:-1",
          "01ARYZ6S41TSV4RRFFQ69G5FAV:1:1:1", "01ARYZ6S41TSV4RRFFQ69G5FAV:4294967296:1"}) {
      CAPTURE(wrong);
      CHECK_FALSE(TaskId::parse(wrong));
    }
  }
}

HandOut some_hand_out(std::string task_type = "extract_data") {
  HandOut hand_out;
  hand_out.lease = LeaseId{31};
  hand_out.job = some_job;
  hand_out.stage = 2;
  hand_out.round = 4;
  hand_out.defined_in = 3;
  hand_out.task_type = std::move(task_type);
  hand_out.timeout = Milliseconds{5'000};
  hand_out.heartbeat = Milliseconds{1'000};
  hand_out.term = Milliseconds{30'000};
  hand_out.offered_at = Timestamp{Milliseconds{1719300000123}};
  hand_out.alone = true;
  hand_out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  hand_out.tasks.push_back({.index = 5, .attempt = 2, .params = R"({"n":1})", .progress = R"({"at":7})"});
  hand_out.tasks.push_back({.index = 6, .attempt = 1, .params = R"({"n":2})"});
  return hand_out;
}

void check_same(const HandOut& a, const HandOut& b) {
  CHECK(a.lease == b.lease);
  CHECK(a.job == b.job);
  CHECK(a.stage == b.stage);
  CHECK(a.round == b.round);
  CHECK(a.defined_in == b.defined_in);
  CHECK(a.task_type == b.task_type);
  CHECK(a.resolver_id == b.resolver_id);
  CHECK(a.timeout == b.timeout);
  CHECK(a.heartbeat == b.heartbeat);
  CHECK(a.term == b.term);
  CHECK(a.offered_at == b.offered_at);
  CHECK(a.alone == b.alone);
  CHECK(a.traceparent == b.traceparent);
  REQUIRE(a.tasks.size() == b.tasks.size());
  for (std::size_t i = 0; i < a.tasks.size(); ++i) {
    CHECK(a.tasks[i].index == b.tasks[i].index);
    CHECK(a.tasks[i].attempt == b.tasks[i].attempt);
    CHECK(a.tasks[i].params == b.tasks[i].params);
    CHECK(a.tasks[i].progress == b.tasks[i].progress);
  }
}

TEST_SUITE("hand-outs in a queue") {
  TEST_CASE("a task of a type is a reference to it") {
    const auto entry = entry_of(some_hand_out(), "replies:1", "examples.tasks");
    CHECK(entry.reply_to == "replies:1");
    CHECK(entry.tasks.at(0).task == SerializedTask::reference("extract_data", "examples.tasks"));
    CHECK(entry.tasks.at(0).task_id == some_job.str() + ":4:5");
    CHECK(entry.tasks.at(0).group_id == some_job.str());
    CHECK(entry.tasks.at(1).params == json::object{{"n", 2}});
    check_same(hand_out_of(parse_entry(to_text(entry)).value()).value(), some_hand_out());
  }

  TEST_CASE("a task that carries another shows that one, and its params") {
    auto hand_out = some_hand_out("coremachine.pickle.etl");
    hand_out.resolver_id = "etl";
    for (auto& task : hand_out.tasks) {
      task.params = json::serialize(
          to_json(Envelope{SerializedTask::pickle("scale", {{"factor", 3}}), "etl", {{"n", task.index}}}));
    }
    const auto entry = entry_of(hand_out);
    CHECK(entry.tasks.at(0).task == SerializedTask::pickle("scale", {{"factor", 3}}));
    CHECK(entry.tasks.at(0).params == json::object{{"n", 5}});
    CHECK(entry.tasks.at(0).resolver_id == "etl");
    check_same(hand_out_of(parse_entry(to_text(entry)).value()).value(), hand_out);
  }

  TEST_CASE("what was too large to be carried stays what it is") {
    auto hand_out = some_hand_out("coremachine.source");
    for (auto& task : hand_out.tasks) task.params = R"({"$artifact":{"id":"x"}})";
    check_same(hand_out_of(parse_entry(to_text(entry_of(hand_out))).value()).value(), hand_out);
  }

  TEST_CASE("what was not made of a hand-out is none") {
    const auto refused = [](auto change) {
      auto entry = entry_of(some_hand_out());
      change(entry);
      const auto read = hand_out_of(entry);
      REQUIRE(!read);
      return read.error().message;
    };
    CHECK(has(refused([](QueueEntry& entry) { entry.lease = ""; }), "its lease is \"\""));
    CHECK(has(refused([](QueueEntry& entry) { entry.job_id = "x"; }), "its job is \"x\""));
    CHECK(has(refused([](QueueEntry& entry) { entry.task_type = ""; }), "no task type"));
    CHECK(has(refused([](QueueEntry& entry) { entry.round = 5; }), "is none of round 5"));
    CHECK(has(refused([](QueueEntry& entry) { entry.tasks[1].task_id = "load"; }), "\"load\" is none of"));
    CHECK(has(refused([](QueueEntry& entry) { entry.tasks[0].task = SerializedTask::reference("other"); }),
              "refers to other"));
    CHECK(has(refused([](QueueEntry& entry) { entry.tasks[0].task = SerializedTask::source("sh", "1"); }),
              "strategy source"));
  }
}

}  // namespace
