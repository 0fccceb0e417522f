// The client of HTTP against a server that follows a script: connections that stay, connections that break, answers
// that are none, and events that go on over several connections.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "support/scripted_server.hpp"
#include "support/temporary_directory.hpp"
#include "triggers/cli/client/api.hpp"
#include "triggers/cli/client/follow.hpp"

using namespace coremachine;
using namespace coremachine::cli;
using namespace coremachine::support;

namespace {

/// What the command line comes to with these words.
SettingValues settings_of(std::vector<std::string> words) {
  CLI::App program;
  auto* command = program.add_subcommand("go");
  CommandSettings taken(*command, client_settings());
  words.insert(words.begin(), "go");
  words.insert(words.end(), {"--config", "/dev/null"});
  std::reverse(words.begin(), words.end());
  program.parse(words);
  return taken.values();
}

/// What a call fails with.
template <class Call>
CommandFailure failure_in(Call call) {
  try {
    call();
  } catch (const CommandFailure& failure) {
    return failure;
  }
  FAIL("it did not fail");
  return {ExitCode::done, ""};
}

std::string all_of(const CommandFailure& failure) {
  std::string text = failure.what();
  for (const auto& line : failure.faults()) text += "\n" + line;
  for (const auto& line : failure.hints()) text += "\n" + line;
  return text;
}

HttpClient client_of(const ScriptedServer& server, Milliseconds request_timeout = Milliseconds{30'000}) {
  return HttpClient(*parse_server(server.url()), {.token = "secret", .request_timeout = request_timeout});
}

}  // namespace

TEST_CASE("requests go over one connection as long as it stays") {
  ScriptedServer server(
      {{{json_answer(200, "1"), json_answer(404, "2"), json_answer(200, "3", "Connection: close\r\n")}},
       {{json_answer(200, "4")}}});
  auto client = client_of(server);
  for (const auto* body : {"1", "2", "3", "4"}) {
    const auto reply = client.exchange({.method = "POST", .target = "/a", .body = "{}"});
    REQUIRE(reply.has_value());
    CHECK(reply->body == body);
  }
  const auto requests = server.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].starts_with("POST /a HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  CHECK(requests[0].find("\r\nAuthorization: Bearer secret\r\n") != std::string::npos);
  CHECK(requests[0].ends_with("\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
}

TEST_CASE("a request is sent again where a kept connection was closed, and only there") {
  // The first connection ends without a word after its first answer, which said that it would stay.
  ScriptedServer server({{{json_answer(200, "1")}}, {{json_answer(200, "2"), ""}}, {{json_answer(200, "3")}}});
  auto client = client_of(server);
  CHECK(client.exchange({.target = "/a"})->body == "1");
  server.wait_for_closed(1);
  const auto posted = client.exchange({.method = "POST", .target = "/b"});
  REQUIRE(posted.has_value());
  CHECK(posted->body == "2");
  // The server takes this one and closes: a GET may be asked again.
  CHECK(client.exchange({.target = "/c"})->body == "3");
  CHECK(server.requests().size() == 4);
}

TEST_CASE("a submission is not sent twice") {
  ScriptedServer server({{{json_answer(200, "1"), ""}}, {{json_answer(200, "2")}}});
  auto client = client_of(server);
  CHECK(client.exchange({.target = "/a"})->body == "1");
  const auto lost = client.exchange({.method = "POST", .target = "/b"});
  REQUIRE(!lost);
  CHECK(lost.error().kind == TransportError::Kind::closed);
}

TEST_CASE("what goes wrong between two machines is told apart") {
  using Kind = TransportError::Kind;
  {
    ScriptedServer server({{{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"}}});
    CHECK(client_of(server).exchange({.target = "/"}).error().kind == Kind::closed);
  }
  {
    ScriptedServer server({{{"220 smtp.example.org\r\n"}}});
    CHECK(client_of(server).exchange({.target = "/"}).error().kind == Kind::malformed);
  }
  {
    ScriptedServer server({{{""}, true}});
    CHECK(client_of(server, Milliseconds{1}).exchange({.target = "/"}).error().kind == Kind::timed_out);
  }
  std::uint16_t gone = 0;
  {
    ScriptedServer server({});
    gone = server.port();
  }
  const auto at = [](const std::string& url) { return HttpClient(*parse_server(url), {}).exchange({.target = "/"}); };
  CHECK(at("http://127.0.0.1:" + std::to_string(gone)).error().kind == Kind::refused);
  CHECK(at("http://a..b").error().kind == Kind::unresolved);
  {
    ScriptedServer server({{{"this is no TLS at all, whatever was asked for\r\n"}}});
    HttpClient client(*parse_server("https" + server.url().substr(4)), {});
    const auto spoken = client.exchange({.target = "/"});
    REQUIRE(!spoken);
    CHECK((spoken.error().kind == Kind::not_secure || spoken.error().kind == Kind::timed_out));
  }
}

TEST_CASE("a problem is told with an exit code, every fault, and what to type instead") {
  struct Row {
    const char* target;
    std::string answer;
    ExitCode code;
    std::vector<const char*> said;
  };
  const std::string detail = R"({"title": "T", "detail": "what is wrong", "request_id": "r-1"})";
  const Row rows[] = {
      {"jobs", problem_answer(400, detail), ExitCode::usage, {"what is wrong"}},
      {"jobs", problem_answer(401, detail), ExitCode::not_allowed, {"what is wrong", "--token-file"}},
      {"jobs", problem_answer(403, detail), ExitCode::not_allowed, {"--allow-host"}},
      {"jobs", problem_answer(404, detail), ExitCode::not_found, {"`coremachine jobs list`"}},
      {"job-types", problem_answer(404, detail), ExitCode::not_found, {"`coremachine types`"}},
      {"tasks", problem_answer(404, detail), ExitCode::not_found, {"`coremachine tasks list`"}},
      {"schedules", problem_answer(404, detail), ExitCode::not_found, {"`coremachine schedules list`"}},
      {"jobs", problem_answer(409, detail), ExitCode::not_allowed, {"`coremachine jobs show x`"}},
      {"jobs", problem_answer(413, detail), ExitCode::usage, {"what is wrong"}},
      {"jobs",
       problem_answer(422, R"({"detail": "2 faults", "errors": [{"pointer": "#/a", "detail": "is missing"},
                               {"pointer": "#/b/0", "detail": "is 7"}]})"),
       ExitCode::usage,
       {"2 faults", "#/a is missing", "#/b/0 is 7"}},
      {"jobs",
       problem_answer(422, R"({"code": "key_conflict", "detail": "the key is taken"})"),
       ExitCode::not_allowed,
       {"the key is taken"}},
      {"schedules",
       problem_answer(422, R"({"detail": "unknown job type \"x\"; nearest: y", "errors": [{"pointer": "#/job_type",
                               "detail": "unknown job type \"x\"; nearest: y"}]})"),
       ExitCode::not_found,
       {"nearest: y", "`coremachine types`"}},
      {"schedules",
       problem_answer(422, R"({"detail": "d", "errors": [{"pointer": "#/job_type", "detail": "it is disabled"}]})"),
       ExitCode::usage,
       {"it is disabled"}},
      {"jobs", problem_answer(429, detail, "Retry-After: 7\r\n"), ExitCode::unreachable, {"try again in 7 s"}},
      {"jobs", problem_answer(503, detail), ExitCode::unreachable, {"try again later"}},
      {"jobs", problem_answer(500, detail), ExitCode::unreachable, {"r-1"}},
      {"jobs", json_answer(404, "{}"), ExitCode::unreachable, {"not as a CoreMachine server does", "--server"}},
      {"jobs", problem_answer(502, "<html>"), ExitCode::unreachable, {"not as a CoreMachine server does"}},
      {"jobs", json_answer(200, "<html>"), ExitCode::unreachable, {"does not answer in JSON"}},
      {"jobs", json_answer(401, ""), ExitCode::not_allowed, {"not as a CoreMachine server does"}},
      {"jobs", json_answer(302, ""), ExitCode::unreachable, {"not as a CoreMachine server does"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.answer);
    ScriptedServer server({{{row.answer}}});
    Api api(settings_of({"--server", server.url()}));
    const auto failure = failure_in([&] { api.get({row.target, "x"}); });
    CHECK(failure.code() == row.code);
    for (const auto* words : row.said) {
      CAPTURE(words);
      CHECK(all_of(failure).find(words) != std::string::npos);
    }
  }
}

TEST_CASE("the token is a secret, out of a file or a variable, and its origin is told when it is refused") {
  const TemporaryDirectory directory;
  const auto path = (std::filesystem::path(directory.path()) / "token").string();
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  struct Row {
    const char* text;
    const char* token;  // none: it is refused
  };
  for (const auto& row : std::initializer_list<Row>{{"abc\n", "abc"},
                                                    {"abc", "abc"},
                                                    {"# of the server\n\nabc admin Ada\ndef read\n", "abc"},
                                                    {"abc\r\n", "abc"},
                                                    {"", nullptr},
                                                    {"\n\n", nullptr},
                                                    {"caf\xc3\xa9\n", nullptr}}) {
    CAPTURE(row.text);
    write(row.text);
    const auto settings = settings_of({"--token-file", path});
    if (row.token) {
      CHECK(Api(settings).http().options().token == row.token);
    } else {
      CHECK(failure_in([&] { Api api(settings); }).code() == ExitCode::usage);
    }
  }
  const auto missing = failure_in([&] { Api api(settings_of({"--token-file", path + ".none"})); });
  CHECK(all_of(missing).find("--token-file: cannot be read") != std::string::npos);
  for (const auto& [file, why] : {std::pair(path + ".none", "No such file or directory"),
                                  std::pair(std::string(directory.path()), "Is a directory")}) {
    const auto refused = failure_in([&] { Api api(settings_of({"--ca-file", file})); });
    CHECK(refused.code() == ExitCode::usage);
    CHECK(all_of(refused) == "--ca-file: cannot be read (" + std::string(why) + "), and not \"" + file + "\"");
  }

  write("abc");
  ScriptedServer server({{{problem_answer(401, R"({"detail": "no"})")}}});
  Api api(settings_of({"--server", server.url(), "--token-file", path}));
  const auto refused = failure_in([&] { api.get({"jobs"}); });
  CHECK(all_of(refused).find("the token from --token-file is not one") != std::string::npos);
  CHECK(all_of(refused).find("abc") == std::string::npos);
}

TEST_CASE("paths and queries are escaped") {
  CHECK(Target({"jobs", "a/b c", "$cancel"}).text() == "/api/v1/jobs/a%2Fb%20c/$cancel");
  CHECK(Target({"jobs"}).with("tags", "a,b&c").with("q", "").with("type", "\xc3\xa9").text() ==
        "/api/v1/jobs?tags=a%2Cb%26c&type=%C3%A9");
}

namespace {

std::string event(int seq, const std::string& name) {
  return "id: " + std::to_string(seq) + "\nevent: " + name + "\ndata: {\"seq\": " + std::to_string(seq) + "}\n\n";
}

struct Followed_ {
  Followed how;
  std::string names;
  std::vector<std::string> notes;
};

Followed_ follow_all(ScriptedServer& server, FollowOptions options = {}) {
  Api api(settings_of({"--server", server.url()}));
  Followed_ all;
  options.first_pause = Milliseconds{1};
  options.longest_pause = Milliseconds{1};
  options.note = [&](const std::string& text) { all.notes.push_back(text); };
  all.how = follow(
      api, "j",
      [&](const std::string& name, const json::object& data) {
        all.names += name + " " + std::to_string(data.at("seq").to_number<int>()) + ", ";
      },
      options);
  return all;
}

}  // namespace

TEST_CASE("events are read over as many connections as it takes, each of them once") {
  // Wherever the first connection breaks off, the second goes on after the last whole event.
  const auto first = event(1, "job.accepted") + event(2, "progress");
  for (std::size_t cut = 0; cut <= first.size(); ++cut) {
    CAPTURE(cut);
    const bool one = cut >= event(1, "job.accepted").size();
    const bool two = cut == first.size();
    const auto rest =
        (one ? "" : event(1, "job.accepted")) + (two ? "" : event(2, "progress")) + event(3, "job.completed");
    ScriptedServer server({{{event_answer(first.substr(0, cut))}}, {{event_answer(rest)}}});
    const auto all = follow_all(server);
    CHECK(all.how == Followed::ended);
    CHECK(all.names == "job.accepted 1, progress 2, job.completed 3, ");
    const auto requests = server.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].starts_with("GET /api/v1/jobs/j/events HTTP/1.1\r\n"));
    CHECK(requests[0].find("Last-Event-ID") == std::string::npos);
    const auto last = two ? "\r\nLast-Event-ID: 2\r\n" : one ? "\r\nLast-Event-ID: 1\r\n" : nullptr;
    CHECK((requests[1].find("Last-Event-ID") == std::string::npos) == (last == nullptr));
    if (last) CHECK(requests[1].find(last) != std::string::npos);
  }
}

TEST_CASE("an end in the middle, of a job that was retried, is not the end") {
  ScriptedServer server({{{event_answer(event(1, "job.failed") + event(2, "job.accepted"))}},
                         {{event_answer(event(3, "job.completed"))}}});
  CHECK(follow_all(server).names == "job.failed 1, job.accepted 2, job.completed 3, ");
}

TEST_CASE("where the end of an earlier attempt ends the events, they are asked for again") {
  ScriptedServer server({{{event_answer(event(1, "job.failed"))}}, {{event_answer(event(2, "job.completed"))}}});
  int asked = 0;
  const auto all = follow_all(server, {.is_over = [&] { return ++asked == 2; }});
  CHECK(all.names == "job.failed 1, job.completed 2, ");
  CHECK(all.how == Followed::ended);
}

TEST_CASE("a server that has no more events says so") {
  ScriptedServer server({{{event_answer(event(1, "progress"))}}, {{"HTTP/1.1 204 No Content\r\n\r\n"}}});
  CHECK(follow_all(server).how == Followed::ended);
}

TEST_CASE("a server that cannot for a moment is asked again; one that does not know the job is not") {
  ScriptedServer server({{{event_answer(event(1, "progress"))}},
                         {{problem_answer(503, R"({"detail": "draining"})")}},
                         {{event_answer(event(2, "job.failed"))}}});
  const auto all = follow_all(server);
  CHECK(all.names == "progress 1, job.failed 2, ");
  REQUIRE(!all.notes.empty());
  CHECK(all.notes.back() == "connected again");

  ScriptedServer ignorant({{{problem_answer(404, R"({"detail": "no such job"})")}}});
  CHECK(failure_in([&] { follow_all(ignorant); }).code() == ExitCode::not_found);
}

TEST_CASE("an outage has an end, and so has patience") {
  ScriptedServer gone({{{event_answer(event(1, "progress"))}}});
  CHECK(failure_in([&] { follow_all(gone, {.outage = Milliseconds{5}}); }).code() == ExitCode::unreachable);

  ScriptedServer silent({{{event_answer(event(1, "progress"))}, true}});
  const auto all = follow_all(silent, {.until = std::chrono::steady_clock::now() + Milliseconds{50}});
  CHECK(all.how == Followed::timed_out);

  // A connection on which nothing comes is given up, and the next one goes on.
  ScriptedServer stuck({{{event_answer(event(1, "progress"))}, true}, {{event_answer(event(2, "job.dead"))}}});
  CHECK(follow_all(stuck, {.silence = Milliseconds{5}}).names == "progress 1, job.dead 2, ");
}
