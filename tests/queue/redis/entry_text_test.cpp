// The quick way of writing and reading queue records, judged by the long one.

#include "core/queue/redis/entry_text.hpp"

#include <random>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <coremachine/resolve/task_spec.hpp>

#include "core/queue/hand_out_entry.hpp"

namespace {

using namespace coremachine;

HandOut example() {
  HandOut out;
  out.lease = LeaseId{0x10000000001f};
  out.job = JobId::make(Timestamp{Milliseconds{1'767'268'800'000}}, 1, 2);
  out.stage = 2;
  out.round = 5;
  out.defined_in = 3;
  out.task_type = "emails.send_welcome";
  out.timeout = Milliseconds{1500};
  out.heartbeat = Milliseconds{700};
  out.term = Milliseconds{30'000};
  out.offered_at = Timestamp{Milliseconds{1'719'300'000'007}};
  out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  out.tasks.push_back({.index = 0, .attempt = 1, .params = R"({"to":"a@b","n":1e2})"});
  out.tasks.push_back({.index = 8191, .attempt = 3, .params = "{}", .progress = R"({"done":[1,2]})"});
  return out;
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
    CHECK(boost::json::parse(a.tasks[i].params) == boost::json::parse(b.tasks[i].params));
    CHECK(a.tasks[i].progress == b.tasks[i].progress);
  }
}

/// By the codec that knows every record.
HandOut the_long_way(const std::string& text) {
  const auto entry = queue::parse_entry(text);
  REQUIRE(entry.has_value());
  auto hand_out = queue::hand_out_of(*entry);
  REQUIRE(hand_out.has_value());
  return *hand_out;
}

TEST_CASE("both ways read what either has written") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100; ++i) {
    auto out = example();
    if (random() % 2 == 0) out.resolver_id = "etl";
    if (random() % 2 == 0) out.traceparent.clear();
    if (random() % 2 == 0) out.timeout = Milliseconds{0};
    out.alone = random() % 2 == 0;
    out.stage = static_cast<int>(random() % 3);
    out.offered_at = Timestamp{Milliseconds{static_cast<std::int64_t>(random() % 2'000'000'000'000)}};
    out.tasks.clear();
    for (std::uint64_t n = 1 + random() % 5; n > 0; --n) {
      RemoteTask task{.index = random() % 10'000'000, .attempt = static_cast<std::uint32_t>(1 + random() % 4)};
      task.params = R"({"text":"\"quoted\" \\ \u0001 ü","n":)" + std::to_string(random()) + "}";
      if (random() % 3 == 0) task.progress = "[null,{}]";
      out.tasks.push_back(std::move(task));
    }
    const auto text = redis::entry_text(out, "a1");
    const auto quick = redis::read_entry_text(text);
    REQUIRE(quick.has_value());
    check_same(*quick, out);
    check_same(the_long_way(text), out);
    const auto written = redis::read_entry_text(queue::to_text(queue::entry_of(out, "a1")));
    REQUIRE(written.has_value());
    check_same(*written, out);
    // The same members, whoever has written it.
    const auto ours = boost::json::parse(text).at("tasks").as_array();
    const auto theirs = boost::json::parse(queue::to_text(queue::entry_of(out, "a1"))).at("tasks").as_array();
    CHECK(boost::json::serialize(ours) == boost::json::serialize(theirs));
  }
}

TEST_CASE("params come through as the very text that they were") {
  auto out = example();
  out.tasks[0].params = R"({"n":0.1000,"big":12345678901234567890.5})";
  const auto read = redis::read_entry_text(redis::entry_text(out, "s"));
  REQUIRE(read.has_value());
  CHECK(read->tasks[0].params == out.tasks[0].params);
}

TEST_CASE("a task that carries its envelope shows it, and comes back whole") {
  auto out = example();
  out.task_type = envelope_task_type(TaskStrategy::source);
  out.tasks.resize(1);
  out.tasks[0].params =
      boost::json::serialize(to_json(Envelope{SerializedTask::source("python3", "print(1)"), "default", {{"n", 3}}}));
  const auto text = redis::entry_text(out, "s");
  const auto record = boost::json::parse(text).at("tasks").at(0);
  CHECK(record.at("strategy").as_string() == "source");
  CHECK(record.at("params").at("n").as_int64() == 3);
  const auto read = redis::read_entry_text(text);
  REQUIRE(read.has_value());
  check_same(*read, out);
}

TEST_CASE("what is not known is refused by name, as are broken entries") {
  const auto good = redis::entry_text(example(), "s");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    auto text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> rows{
      {replaced(R"("schema":1)", R"("schema":2)"), "unknown schema \"2\""},
      {replaced(R"({"schema":1,"task_id")", R"({"schema":"x","task_id")"), "unknown schema"},
      {replaced(R"("strategy":"reference")", R"("strategy":"magic")"), "strategy"},
      {replaced(R"("status":"ready")", R"("status":"done")"), "unknown status"},
      {replaced(R"("attempt":1)", R"("attempt":0)"), "attempt"},
      {replaced("\"name\":\"emails.send_welcome\"", "\"name\":\"other\""), "refers to other"},
      {replaced(":5:8191", ":6:8191"), "none of round 5"},
      {replaced(R"("lease":")", R"("lease":"?)"), "lease"},
      {good.substr(0, good.size() / 2), "no JSON"},
      {"", "no JSON"},
      {"[]", "should be an object"},
      {R"({"schema":1,"tasks":[]})", "has no record"},
  };
  for (const auto& [text, word] : rows) {
    CAPTURE(text);
    const auto read = redis::read_entry_text(text);
    REQUIRE_FALSE(read.has_value());
    CAPTURE(read.error().message);
    CHECK(read.error().message.find(word) != std::string::npos);
  }
}

TEST_CASE("an entry cut off or garbled anywhere never ends the reader") {
  const auto good = redis::entry_text(example(), "s");
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < good.size(); ++i) CHECK_FALSE(redis::read_entry_text(good.substr(0, i)).has_value());
  for (int i = 0; i < 3000; ++i) {
    auto text = good;
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) text[random() % text.size()] = static_cast<char>(random());
    const auto read = redis::read_entry_text(text);
    if (read) CHECK(read->tasks.size() == 2);
  }
}

}  // namespace
