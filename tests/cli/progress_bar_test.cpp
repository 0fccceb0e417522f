// What is drawn of a job, on a terminal and elsewhere.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "triggers/cli/progress_bar.hpp"

using namespace coremachine;
using namespace coremachine::cli;

namespace {

/// A bar whose clock stands until it is set, and what it has written.
struct Drawn {
  explicit Drawn(bool live)
      : bar(
            live, [this](std::string_view text) { written += text; }, [this] { return now; },
            [this] { return columns; }) {}

  void show(const std::string& name, const std::string& data) {
    bar.show({JobId(), 0, name, json::parse(data).as_object()});
  }
  std::string take() { return std::exchange(written, {}); }

  std::string written;
  ProgressBar::Clock::time_point now{};
  std::size_t columns = 120;
  ProgressBar bar;
};

std::string counts(int stage, int total, int completed, int failed = 0, int cancelled = 0, int retrying = 0) {
  return "{\"stage\": " + std::to_string(stage) + ", \"round\": " + std::to_string(stage) +
         ", \"tasks\": {\"total\": " + std::to_string(total) + ", \"completed\": " + std::to_string(completed) +
         ", \"failed\": " + std::to_string(failed) + ", \"dead\": 0, \"cancelled\": " + std::to_string(cancelled) +
         ", \"retrying\": " + std::to_string(retrying) + "}}";
}

}  // namespace

TEST_CASE("without a terminal a stage is one plain line, when it is over") {
  Drawn drawn(false);
  drawn.show("job.accepted", "{}");
  drawn.show("stage.started", counts(1, 1000, 0));
  drawn.now += std::chrono::seconds(2);
  drawn.show("progress", counts(1, 1000, 500));
  CHECK(drawn.take().empty());
  drawn.show("stage.completed", counts(1, 1000, 990, 10, 0));
  CHECK(drawn.take() == "stage 1  1,000/1,000 tasks, 10 failed, 500/s, 2.0s\n");
  drawn.show("stage.started", counts(2, 1, 0));
  drawn.show("stage.completed", counts(2, 1, 1));
  CHECK(drawn.take() == "stage 2  1/1 tasks, 0.0s\n");
  drawn.bar.end();
  CHECK(drawn.take().empty());
}

TEST_CASE("on a terminal a stage is a line that is drawn anew, with its rate and what is left") {
  Drawn drawn(true);
  drawn.show("stage.started", counts(1, 300, 0));
  CHECK(drawn.take() == "\r\033[Kstage 1  [..............................]  0/300 tasks");
  drawn.now += std::chrono::seconds(10);
  drawn.show("progress", counts(1, 300, 100, 0, 0, 3));
  CHECK(drawn.take() ==
        "\r\033[Kstage 1  [##########....................]  100/300 tasks, 3 retrying, 10/s, 20.0s left");
  drawn.now += std::chrono::seconds(90);
  drawn.show("stage.completed", counts(1, 300, 298, 0, 2));
  CHECK(drawn.take() == "\r\033[Kstage 1  [#############################.]  298/300 tasks, 2 cancelled, 2/s, 1m40s\n");
  drawn.show("stage.started", counts(2, 0, 0));
  drawn.bar.end();
  CHECK(drawn.take() == "\r\033[Kstage 2  [##############################]  0/0 tasks\n");
  drawn.bar.end();
  CHECK(drawn.take().empty());
}

TEST_CASE("a line that is drawn anew never fills the terminal: the bar gives way, and then what is last") {
  Drawn drawn(true);
  drawn.show("stage.started", counts(1, 300, 0));
  drawn.now += std::chrono::seconds(10);
  drawn.take();
  const auto drawn_in = [&](std::size_t columns, const std::string& event = "progress") {
    drawn.columns = columns;
    drawn.show(event, counts(1, 300, 100, 0, 0, 3));
    auto line = drawn.take();
    REQUIRE(line.starts_with("\r\033[K"));
    return line.substr(4);
  };
  CHECK(drawn_in(80) == "stage 1  [#######................]  100/300 tasks, 3 retrying, 10/s, 20.0s left");
  CHECK(drawn_in(62) == "stage 1  [#....]  100/300 tasks, 3 retrying, 10/s, 20.0s left");
  CHECK(drawn_in(61) == "stage 1  100/300 tasks, 3 retrying, 10/s, 20.0s left");
  CHECK(drawn_in(45) == "stage 1  100/300 tasks, 3 retrying, 10/s");
  CHECK(drawn_in(30) == "stage 1  100/300 tasks");
  CHECK(drawn_in(12) == "stage 1  10");
  for (std::size_t columns = 0; columns < 100; ++columns)
    CHECK(drawn_in(columns).size() + 1 <= std::max<std::size_t>(columns, 1));
  // What stays on the screen is told in full.
  CHECK(drawn_in(30, "stage.completed") == "stage 1  100/300 tasks, 3 retrying, 10/s, 10.0s\n");
}

TEST_CASE("what was cancelled was not done") {
  const auto words_of = [](const std::string& tasks) {
    return listed(StageCounts(json::parse(tasks).as_object()).words());
  };
  CHECK(words_of(R"({"total": 1000, "completed": 412, "cancelled": 588})") == "412/1,000, 588 cancelled");
  CHECK(words_of(R"({"total": 10, "completed": 7, "failed": 2, "dead": 1})") == "10/10, 3 failed");
  CHECK(words_of("{}") == "0/0");
}

TEST_CASE("failures are told, and not all of ten thousand") {
  Drawn drawn(false);
  drawn.show("stage.started", counts(1, 10'000, 0));
  for (int i = 0; i < 10'000; ++i)
    drawn.show("task.failed",
               "{\"task_index\": " + std::to_string(i) + ", \"error\": {\"message\": \"no\\u001b[2J\"}}");
  const auto text = drawn.take();
  CHECK(text.starts_with("task 0 failed: no?[2J\ntask 1 failed: "));
  CHECK(std::count(text.begin(), text.end(), '\n') == 11);
  CHECK(text.ends_with("more tasks failed; their count is with the stage\n"));
  drawn.show("stage.started", counts(2, 10, 0));
  drawn.show("task.failed", "{\"task_index\": 3, \"error\": {\"message\": \"again\"}}");
  CHECK(drawn.take() == "task 3 failed: again\n");
}

TEST_CASE("a job that is watched late has its stages' own times") {
  Drawn drawn(false);
  drawn.bar.know(json::parse(R"({"stages": [
      {"round": 1, "started_at": "2026-01-31T12:00:00.000Z", "finished_at": "2026-01-31T12:01:40.000Z"},
      {"round": 2, "started_at": "2026-01-31T12:01:40.000Z", "finished_at": null}]})")
                     .as_object());
  drawn.show("stage.started", counts(1, 200, 0));
  drawn.show("stage.completed", counts(1, 200, 200));
  CHECK(drawn.take() == "stage 1  200/200 tasks, 2/s, 1m40s\n");
}

TEST_CASE("a stage that took no time at all is told so, however long ago it was") {
  Drawn drawn(false);
  drawn.bar.know(json::parse(R"({"stages": [
      {"round": 1, "started_at": "2026-01-31T12:00:00.000Z", "finished_at": "2026-01-31T12:00:00.000Z"}]})")
                     .as_object());
  drawn.show("stage.completed", counts(1, 1, 1));
  CHECK(drawn.take() == "stage 1  1/1 tasks, 0.0s\n");
}
