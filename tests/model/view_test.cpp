#include <coremachine/model/view.hpp>

#include <limits>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <coremachine/runtime/told_job.hpp>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"

using namespace coremachine;

namespace {

std::string keys_of(const json::object& object) {
  std::string keys;
  for (const auto& member : object) keys += std::string(member.key()) + " ";
  return keys;
}

Timestamp at(Milliseconds::rep ms) {
  return Timestamp{Milliseconds{ms}};
}

}  // namespace

TEST_SUITE("model: view") {
  TEST_CASE("a job that has just been accepted shows null where there is nothing") {
    JobView view;
    view.id = JobId{1, 2};
    view.type = "hello_world";
    view.params = json::object{{"message", "Welcome"}};
    const auto shown = to_json(view);
    CHECK(keys_of(shown) ==
          "job_id job_type version status params stage stages result error priority tags attempt created_at started_at "
          "finished_at ");
    CHECK(shown.at("job_id").as_string() == view.id.str());
    CHECK(shown.at("status") == "queued");
    CHECK(shown.at("stage") == 0);
    CHECK(shown.at("stages").as_array().empty());
    CHECK(shown.at("result").is_null());
    CHECK(shown.at("error").is_null());
    CHECK(shown.at("started_at").is_null());
    CHECK(shown.at("finished_at").is_null());
    CHECK(shown.at("created_at") == "1970-01-01T00:00:00.000Z");
    CHECK(shown.at("tags") == json::array());
  }

  TEST_CASE("a finished job shows the whole of it") {
    JobView view;
    view.id = JobId{1, 2};
    view.type = "hello_world";
    view.status = JobStatus::completed;
    view.params = json::object{{"message", "Welcome"}};
    StageView stage;
    stage.stage = 1;
    stage.round = 3;
    stage.status = StageStatus::completed;
    stage.tasks.total = 1;
    stage.tasks.completed = 1;
    stage.result = json::object{{"greeting", "Welcome"}};
    stage.started_at = at(1000);
    stage.finished_at = at(2000);
    view.stages = {stage};
    view.result = stage.result;
    view.priority = -3;
    view.tags = {"a", "b"};
    view.attempt = 2;
    view.created_at = at(500);
    view.run_at = at(900);
    view.started_at = at(1000);
    view.finished_at = at(2000);
    const auto expected = json::parse(R"({"job_id": "0000000000000G000000000002", "job_type": "hello_world",
      "version": "1", "status": "completed", "params": {"message": "Welcome"}, "stage": 1,
      "stages": [{"stage": 1, "round": 3, "status": "completed", "result": {"greeting": "Welcome"},
                  "tasks": {"total": 1, "queued": 0, "running": 0, "retrying": 0, "completed": 1, "failed": 0,
                            "dead": 0, "cancelled": 0},
                  "started_at": "1970-01-01T00:00:01.000Z", "finished_at": "1970-01-01T00:00:02.000Z"}],
      "result": {"greeting": "Welcome"}, "error": null, "priority": -3, "tags": ["a", "b"], "attempt": 2,
      "created_at": "1970-01-01T00:00:00.500Z", "run_at": "1970-01-01T00:00:00.900Z",
      "started_at": "1970-01-01T00:00:01.000Z", "finished_at": "1970-01-01T00:00:02.000Z"})");
    CHECK(json::value(to_json(view)) == expected);
  }

  TEST_CASE("an error shows what it knows and null for the rest") {
    Error error{ErrorCode::task_failed, "no such file"};
    CHECK(json::value(to_json(error)) ==
          json::parse(R"({"code": "task_failed", "message": "no such file", "stage": null, "task_index": null,
                          "task_type": null, "attempt": null})"));
    error.stage = 2;
    error.task_index = 0;
    error.task_type = "echo";
    error.attempt = 3;
    CHECK(json::value(to_json(error)) ==
          json::parse(R"({"code": "task_failed", "message": "no such file", "stage": 2, "task_index": 0,
                          "task_type": "echo", "attempt": 3})"));
  }

  TEST_CASE("the stage of a job is that of its last round") {
    JobView view;
    for (const int stage : {1, 2, 1}) view.stages.push_back(StageView{stage, 1, StageStatus::running, {}, {}, {}, {}});
    CHECK(to_json(view).at("stage") == 1);
  }

  TEST_CASE("the text of a view is that of its JSON") {
    StageView stage;
    stage.stage = 2;
    stage.round = 7;
    stage.tasks = {9, 1, 2, 3, 1, 1, 0, 1};
    Error error{ErrorCode::task_failed, "line\nbreak \"quoted\" \x01 gr\u00fc\u00df"};
    for (unsigned bits = 0; bits < 256; ++bits) {
      const auto on = [&](unsigned bit) { return (bits >> bit & 1U) != 0; };
      JobView view;
      view.id = JobId{bits, 2};
      view.type = "a.b";
      view.version = on(0) ? "2\"" : "1";
      view.status = on(1) ? JobStatus::failed : JobStatus::running;
      if (on(2)) view.params = json::object{{"a", 1.0}, {"b", json::array{nullptr, true, "\b\f/"}}, {"c", INT64_MIN}};
      stage.result = on(3) ? std::optional(json::value(json::object{})) : std::nullopt;
      stage.started_at = on(4) ? std::optional(at(-1)) : std::nullopt;
      if (on(4)) view.stages = {stage, stage};
      error.stage = on(5) ? std::optional(1) : std::nullopt;
      error.task_type = on(5) ? "echo" : "";
      if (on(1)) view.error = error;
      if (on(6)) view.tags = {"x", "\xc3\xa4"};
      if (on(6)) view.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      view.created_at = at(253402300799999);
      if (on(7)) view.run_at = at(1000);
      if (on(7)) view.result = "text";
      if (on(3)) view.finished_at = at(951782400123);
      std::string text;
      REQUIRE(!append_json(text, view));
      CAPTURE(text);
      CHECK(json::serialize(json::parse(text)) == json::serialize(to_json(view)));
      std::string after = "before ";
      REQUIRE(!append_json(after, view));
      CHECK(after == "before " + text);
    }
  }

  TEST_CASE("the text of a job is that of its view, though its values are not parsed for it") {
    for (unsigned bits = 0; bits < 64; ++bits) {
      const auto on = [&](unsigned bit) { return (bits >> bit & 1U) != 0; };
      const auto maybe = [&](unsigned bit, const char* json) { return on(bit) ? make_text(json) : nullptr; };
      Job job;
      job.id = JobId{bits, 3};
      job.type = "a.b";
      job.params = make_text(on(0) ? R"({"n":1.0,"big":-9223372036854775808,"t":"\u0001\"ä"})" : "{}");
      job.result = maybe(1, R"({"deep":[[{"x":null}],0.1,1e-300,0.38095238095238093,2.0476190476190474]})");
      job.status = on(2) ? JobStatus::failed : JobStatus::completed;
      if (on(2)) job.error = Error{ErrorCode::task_failed, "no \"luck\""};
      if (on(3)) {
        ClosedRound closed;
        closed.number = 1;
        closed.stage = 1;
        closed.result = maybe(4, R"([1,"two"])");
        job.closed = {closed, closed};
      }
      if (on(5)) {
        job.round.emplace();
        job.round->number = 3;
        job.round->stage = 2;
        job.round->result = maybe(4, "{}");
      }
      const auto wanted = json::serialize(to_json(make_view(job)));
      std::string text;
      append_json(text, job);
      CAPTURE(text);
      CHECK(json::serialize(parse_stored(text)) == wanted);
      std::string of_view;
      REQUIRE(!append_json(of_view, make_view(job)));
      CHECK(text == of_view);
      const ToldJob told(std::make_shared<const Job>(job));
      CHECK(told.text() == text);
      CHECK(told.text_size() >= text.size());
      CHECK(told.text_size() < 2 * text.size() + 1024);
      CHECK(told.has_error() == on(2));
    }
  }

  TEST_CASE("a view that JSON cannot say leaves the text as it was") {
    JobView view;
    view.result = json::object{{"n", std::numeric_limits<double>::infinity()}};
    std::string text = "before";
    const auto fault = append_json(text, view);
    REQUIRE(fault);
    CHECK(fault->find("#/n") != std::string::npos);
    CHECK(text == "before");
  }
}
