#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <boost/json/parse.hpp>

#include "core/model/record.hpp"
#include "tests/support/random_job.hpp"
#include "tests/support/same.hpp"

namespace coremachine {
namespace {

using support::RandomJobs;
using support::same;

std::vector<RoundRow> round_rows(const Job& job) {
  std::vector<RoundRow> rows;
  for (const auto& closed : job.closed) rows.push_back(encode_round(job.id, closed));
  return rows;
}

bool is_json(const std::string& text) {
  boost::system::error_code bad;
  boost::json::parse(text, bad);
  return !bad;
}

template <class Act>
Error failure_of(const Act& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error();
  }
  FAIL("nothing was thrown");
  return {};
}

JobRow row_with_state(std::string state) {
  JobRow row;
  row.id = JobId{1, 2};
  row.type = "t";
  row.params = make_text("{}");
  row.state = std::move(state);
  return row;
}

const std::string inline_state =
    R"({"last_round":1,"round":{"number":1,"stage":1,"specs":[{"task_type":"echo"}],"inline":true,)"
    R"("inline_definitions":[{"count":2,"body":[{},{}]}],)"
    R"("inline_outcomes":[{"kind":"completed","count":2,"started_at":1,"finished_at":2,"body":[1,2]}]}})";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_SUITE("model: records") {
  TEST_CASE("any job comes back from its row as it was") {
    RandomJobs random(20'240'131);
    for (int i = 0; i < 2000; ++i) {
      CAPTURE(i);
      const auto job = random.job();
      const auto row = encode_job(job);
      const auto rounds = round_rows(job);
      REQUIRE(is_json(row.state));
      REQUIRE(is_json(row.tags));
      const auto back = decode_job(row, rounds);
      REQUIRE(same(back, job));
      REQUIRE(encode_job(back) == row);
    }
  }

  TEST_CASE("any round comes back whole from its own row, and as an outline with its job") {
    RandomJobs random(7);
    for (int i = 0; i < 2000; ++i) {
      CAPTURE(i);
      auto job = random.job();
      job.closed = {random.closed_round(1), random.closed_round(2)};
      const auto rows = round_rows(job);
      const auto with_job = decode_job(encode_job(job), rows).closed;
      REQUIRE(with_job.size() == rows.size());
      for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto& closed = job.closed[r];
        const auto whole = decode_round(rows[r]);
        REQUIRE(same(whole, closed));
        REQUIRE(encode_round(job.id, whole) == rows[r]);
        auto outline = closed;
        outline.specs.clear();
        outline.inline_definitions.clear();
        outline.inline_outcomes.clear();
        REQUIRE(same(with_job[r], outline));
      }
    }
  }

  TEST_CASE("the texts of authors come back to the letter") {
    // A parser and a serialiser between them would change the last bits of such numbers.
    const std::string text = R"({"a":0.30000000000000004,"b":1.0,"c":9007199254740993,"d":"\u00e9\/","a ":[ 1 , 2 ]})";
    Job job;
    job.params = make_text(text);
    job.round.emplace();
    job.round->number = 1;
    job.round->phase = RoundPhase::closed;
    job.round->result = make_text(text);
    const auto back = decode_job(encode_job(job), {});
    CHECK(*back.params == text);
    CHECK(*back.round->result == text);
  }

  TEST_CASE("numbers that JSON does not have survive in a policy") {
    for (const double odd : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}) {
      ClosedRound round;
      round.policy.join = JoinToleratePercent{odd};
      const auto row = encode_round(JobId{1, 1}, round);
      CHECK(is_json(row.state));
      CHECK(decode_round(row).policy == round.policy);
    }
    ClosedRound round;
    round.policy.join = JoinToleratePercent{std::nan("")};
    const auto row = encode_round(JobId{1, 1}, round);
    CHECK(is_json(row.state));
    CHECK(encode_round(JobId{1, 1}, decode_round(row)) == row);
  }

  TEST_CASE("a message that is not UTF-8 is stored as text that is") {
    Job job;
    job.params = make_text("{}");
    job.error = Error{ErrorCode::handler_threw, "ok \xFF\xC3(\xE2\x82\xED\xA0\x80 žluť \xF0\x9F\x99\x82 end\xC3"};
    const auto row = encode_job(job);
    REQUIRE(row.error);
    CHECK(is_json(*row.error));
    const auto back = decode_job(row, {});
    CHECK(back.error->message.starts_with("ok \xEF\xBF\xBD"));
    CHECK(back.error->message.find(" žluť \xF0\x9F\x99\x82 end\xEF\xBF\xBD") != std::string::npos);
    CHECK(encode_job(back) == row);
  }

  TEST_CASE("what says nothing takes no room") {
    Job job;
    job.params = make_text("{}");
    const auto row = encode_job(job);
    CHECK(row.state == "{}");
    CHECK(row.tags == "[]");
    CHECK(!row.error);
    CHECK(!row.result);
  }

  TEST_CASE("only a closed round keeps counts and status") {
    Job job;
    job.params = make_text("{}");
    job.round.emplace();
    job.round->number = 3;
    for (const auto phase : {RoundPhase::open, RoundPhase::stopping, RoundPhase::joined}) {
      job.round->phase = phase;
      job.round->counts.total = job.round->counts.completed = 5;
      const auto back = decode_job(encode_job(job), {});
      CHECK(back.round->phase == RoundPhase::open);
      CHECK(back.round->counts == TaskCounts{});
      CHECK(back.round->status == StageStatus::running);
    }
    job.round->phase = RoundPhase::closed;
    CHECK(decode_job(encode_job(job), {}).round->counts.completed == 5);
  }

  TEST_CASE("how many bytes are inline is known again") {
    const auto job = decode_job(row_with_state(inline_state), {});
    REQUIRE(job.round);
    CHECK(job.round->inline_bytes == std::string("[{},{}]").size() + std::string("[1,2]").size());
  }

  TEST_CASE("damaged rows are refused by the name of their job") {
    const auto sound = row_with_state(inline_state);
    REQUIRE_NOTHROW(decode_job(sound, {}));
    std::vector<JobRow> damaged;
    for (const auto* state :
         {"", "{", "[]", "null", "{\"last_round\":1", "{}}", "{}x", "{\"unknown\":1}", "{\"last_round\":-1}",
          "{\"last_round\":4294967296}", "{\"last_round\":\"1\"}", "{\"round\":{}", "{\"round\":[]}",
          "{\"deadline\":1.5}", "{\"had_failures\":1}", "{\"round\":{\"number\":1,\"result\":}}",
          "{\"round\":{\"result\":[}]}}", "{\"round\":{\"result\":bad}}", "{\"round\":{\"result\":\"}}"}) {
      damaged.push_back(row_with_state(state));
    }
    for (const auto& [what, by] : std::vector<std::pair<std::string, std::string>>{
             {"\"count\":2,\"body\":[{}", "\"count\":1,\"body\":[{}"},
             {"\"count\":2,\"started", "\"count\":3,\"started"},
             {"\"count\":2,\"started", "\"count\":2,\"offsets\":[1],\"started"},
             {"\"count\":2,\"started", "\"count\":2,\"offsets\":[1,2],\"started"},
             {"\"count\":2,\"started", "\"count\":2,\"attempts\":[1,2,3],\"started"},
             {"\"count\":2,\"started", "\"chunk\":1,\"count\":2,\"started"},
             {"\"count\":2,\"body\":[{}", "\"count\":2,\"spec\":1,\"body\":[{}"},
             {"\"kind\":\"completed\"", "\"kind\":\"retrying\""},
             {"\"kind\":\"completed\"", "\"kind\":\"unheard\""}}) {
      damaged.push_back(row_with_state(replaced(inline_state, what, by)));
    }
    const auto with = [&](auto change) {
      auto row = sound;
      change(row);
      damaged.push_back(row);
    };
    with([](JobRow& row) { row.params = make_text("[]"); });
    with([](JobRow& row) { row.params = make_text("{"); });
    with([](JobRow& row) { row.params = nullptr; });
    with([](JobRow& row) { row.result = make_text("{]"); });
    with([](JobRow& row) { row.tags = "{}"; });
    with([](JobRow& row) { row.tags = "[1]"; });
    with([](JobRow& row) { row.error = "{\"code\":\"unheard\"}"; });
    with([](JobRow& row) { row.error = "{\"code\":\"poison\",\"message\":\"\\ud800\"}"; });
    for (const auto& row : damaged) {
      CAPTURE(row.state);
      const auto error = failure_of([&] { decode_job(row, {}); });
      CHECK(error.code == ErrorCode::store_damaged);
      CHECK(error.message.find(row.id.str()) != std::string::npos);
    }
  }

  TEST_CASE("every text that is cut short is refused") {
    RandomJobs random(99);
    for (int i = 0; i < 20; ++i) {
      const auto row = encode_job(random.job());
      for (std::size_t size = 0; size < row.state.size(); ++size) {
        auto cut = row;
        cut.state.resize(size);
        CHECK_THROWS_AS(decode_job(cut, {}), Failure);
      }
    }
  }

  TEST_CASE("a damaged round is refused by the name of its job") {
    for (const auto* state : {"", "{", "{\"counts\":{\"unknown\":1}}", "{\"policy\":{\"join\":\"some\"}}",
                              "{} "
                              "{}",
                              "{\"inline_outcomes\":[{\"count\":1}]}"}) {
      RoundRow row;
      row.job = JobId{5, 6};
      row.round = 1;
      row.state = state;
      CAPTURE(state);
      const auto error = failure_of([&] { decode_round(row); });
      CHECK(error.code == ErrorCode::store_damaged);
      CHECK(error.message.find(row.job.str()) != std::string::npos);
    }
  }
}

}  // namespace coremachine
