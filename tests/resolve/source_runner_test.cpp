// Source, run by an interpreter that every system has.

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include <coremachine/resolve/source_runner.hpp>

#include "tests/resolve/attempt.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;
using std::chrono::milliseconds;
using support::Attempt;

SourceRunner shell(SourceLimits limits = {}) {
  return SourceRunner::allow({"sh"}, limits).value();
}

TaskResult run(const std::string& source, const json::object& params = {}, SourceLimits limits = {}) {
  Attempt attempt;
  return shell(limits).run("sh", source, params, attempt.context());
}

json::value result_of(const std::string& source, const json::object& params = {}) {
  const auto result = run(source, params);
  if (!result.ok()) FAIL(result.failure().message);
  return result.value();
}

void check_failure(const TaskResult& result, const std::string& type, const std::string& message,
                   TaskFailure::Kind kind = TaskFailure::Kind::retry) {
  REQUIRE_FALSE(result.ok());
  CAPTURE(result.failure().message);
  CHECK(result.failure().type == type);
  CHECK(result.failure().message.find(message) != std::string::npos);
  CHECK(result.failure().kind == kind);
}

std::string refusal(const std::vector<std::string>& interpreters) {
  const auto runner = SourceRunner::allow(interpreters);
  REQUIRE(!runner);
  CHECK(runner.error().code == ErrorCode::invalid_argument);
  return runner.error().message;
}

void make_program(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  ::chmod(path.c_str(), 0755);
}

TEST_SUITE("source runner") {
  TEST_CASE("params come in and the result goes out as JSON") {
    const json::object params{{"n", 1}, {"text", "a\n\"\xC3\xA9"}, {"list", {1, 2.5, nullptr, true}}};
    CHECK(result_of("cat", params) == json::value(params));
    CHECK(result_of("cat >/dev/null; echo '[1, 2]'") == json::value(json::array{1, 2}));
    CHECK(result_of("echo 7") == 7);
    CHECK(result_of("true").is_null());
    CHECK(result_of("echo; echo").is_null());
  }

  TEST_CASE("large params and large results") {
    const json::object params{{"text", std::string(3'000'000, 'x')}};
    CHECK(result_of("cat", params) == json::value(params));
    CHECK(result_of("true", params).is_null());
  }

  TEST_CASE("a program that fails says how, with the end of its standard error") {
    check_failure(run("echo broken >&2; exit 3"), "exit_status",
                  "sh ended with status 3; the end of its standard error:\nbroken");
    check_failure(run("exit 1"), "exit_status", "sh ended with status 1");
    check_failure(run("kill -9 $$"), "signal", "ended by signal 9");
    const auto long_one = run("i=0; while [ $i -lt 2000 ]; do echo line$i >&2; i=$((i+1)); done; exit 1");
    check_failure(long_one, "exit_status", "line1999");
    CHECK(long_one.failure().message.size() < 4300);
    CHECK(long_one.failure().message.find("line1\n") == std::string::npos);
    check_failure(run("printf 'a\\377b\\001' >&2; exit 1"), "exit_status", "a?b");
  }

  TEST_CASE("what it prints has to be JSON") {
    check_failure(run("echo hello"), "invalid_output", "is no JSON", TaskFailure::Kind::permanent);
    check_failure(run("echo 1 2"), "invalid_output", "is no JSON", TaskFailure::Kind::permanent);
    check_failure(run("echo '{\"a\": 1e400}'"), "invalid_output", "is no JSON", TaskFailure::Kind::permanent);
  }

  TEST_CASE("it may print so much and no more") {
    check_failure(run("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", {}, {.output = 100'000}),
                  "too_much_output", "more than 100000 bytes", TaskFailure::Kind::permanent);
    // What it says to standard error is not kept, and so not limited.
    CHECK(run("i=0; while [ $i -lt 5000 ]; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; i=$((i+1)); done", {},
              {.output = 1'000})
              .ok());
  }

  TEST_CASE("when its time is up it is ended, with all that it has started") {
    const support::TemporaryDirectory folder;
    const auto fifo = folder.path() + "/alive";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const int alive = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(alive >= 0);
    const std::string source = "exec 3>" + fifo + "; echo up >&3; (trap '' TERM; while :; do :; done) & ";
    SUBCASE("the time of the limits") {
      check_failure(run(source + "wait", {}, {.time = milliseconds{50}}), "timeout", "its time was up");
    }
    SUBCASE("the time of the attempt") {
      Attempt attempt(std::chrono::steady_clock::now() + milliseconds{50});
      check_failure(shell().run("sh", source + "wait", {}, attempt.context()), "timeout", "its time was up");
    }
    SUBCASE("it does not listen") {
      check_failure(run("trap '' TERM; " + source + "while :; do :; done", {},
                        {.time = milliseconds{50}, .grace = milliseconds{10}}),
                    "timeout", "its time was up");
    }
    SUBCASE("it ended, and what it has started did not") {
      CHECK(run(source + "exec 3>&-; echo 5").value() == 5);
    }
    // The end of the fifo: nobody has it open any more.
    pollfd watched{alive, POLLIN, 0};
    std::string heard;
    for (;;) {
      REQUIRE(::poll(&watched, 1, 60'000) == 1);
      char bytes[64];
      const auto count = ::read(alive, bytes, sizeof bytes);
      if (count <= 0) break;
      heard.append(bytes, static_cast<std::size_t>(count));
    }
    ::close(alive);
  }

  TEST_CASE("when nobody wants it any more it is ended") {
    Attempt attempt;
    attempt.cancel();
    check_failure(shell().run("sh", "while :; do :; done", {}, attempt.context()), "cancelled", "nobody wants");
  }

  TEST_CASE("it finds a clean world") {
    ::setenv("COREMACHINE_TEST_SECRET", "s3cret", 1);
    CHECK(result_of("echo \"\\\"${COREMACHINE_TEST_SECRET:-none}\\\"\"") == "none");
    ::unsetenv("COREMACHINE_TEST_SECRET");
    CHECK(result_of("echo \"\\\"$(pwd)\\\"\"") == "/");
    Attempt attempt;
    const auto told = shell().run(
        "sh", "echo \"[$COREMACHINE_TASK_INDEX, $COREMACHINE_ATTEMPT, \\\"$COREMACHINE_IDEMPOTENCY_KEY\\\"]\"", {},
        attempt.context());
    CHECK(told.value() == json::value(json::array{7, 1, attempt.context().idempotency_key()}));
  }

  TEST_CASE("it has no descriptors but its three, and no signals are blocked or ignored") {
    const int leaked = ::fcntl(0, F_DUPFD, 100);
    CHECK(result_of("ls /proc/$$/fd | while read n; do [ $n -ge 100 ] && echo $n; done; true").is_null());
    if (leaked >= 0) ::close(leaked);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    auto* const was = ::signal(SIGPIPE, SIG_IGN);
    const auto of_kind = [](const std::string& kind) {
      return result_of("while read a b; do [ \"$a\" = " + kind +
                       ": ] && echo \"\\\"$b\\\"\"; done </proc/$$/status; true");
    };
    CHECK(of_kind("SigIgn") == "0000000000000000");
    CHECK(of_kind("SigBlk") == "0000000000000000");
    ::signal(SIGPIPE, was);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  TEST_CASE("its address space is limited, and it leaves no core") {
    TaskResult limited = run("echo \"[$(ulimit -v), $(ulimit -c)]\"", {}, {.memory = std::uint64_t{512} << 20U});
    CHECK(limited.value() == json::value(json::array{512 * 1024, 0}));
    CHECK(run("[ \"$(ulimit -v)\" = unlimited ] && echo 1", {}, {.memory = 0}).value() == 1);
  }

  TEST_CASE("nothing is left of it in this process") {
    for (int i = 0; i < 5; ++i) run("exit 1");
    const int found = ::waitpid(-1, nullptr, WNOHANG);
    CHECK((found == -1 && errno == ECHILD));
  }

  TEST_CASE("what is allowed is found once, by an absolute path") {
    const support::TemporaryDirectory folder;
    make_program(folder.path() + "/lister", "#!/bin/sh\necho 1\n");
    const std::string before = std::getenv("PATH");
    ::setenv("PATH", (folder.path() + ":" + before).c_str(), 1);
    const auto runner = SourceRunner::allow({"lister", "mine=" + folder.path() + "/lister", "sh"}).value();
    ::setenv("PATH", before.c_str(), 1);
    CHECK(runner.allowed() == std::vector<std::string>{"lister", "mine", "sh"});
    Attempt attempt;
    CHECK(runner.run("lister", "ignored", {}, attempt.context()).value() == 1);
    CHECK(runner.run("mine", "ignored", {}, attempt.context()).value() == 1);
    check_failure(runner.run("bash", "echo 1", {}, attempt.context()), "unresolvable", "\"bash\" is not allowed",
                  TaskFailure::Kind::dead);
    std::filesystem::remove(folder.path() + "/lister");
    check_failure(runner.run("lister", "ignored", {}, attempt.context()), "not_started", "cannot be started");
  }

  TEST_CASE("what cannot be allowed says why") {
    const support::TemporaryDirectory folder;
    std::ofstream(folder.path() + "/text") << "no program";
    CHECK(refusal({"no-such-interpreter"}).find("in no folder of PATH") != std::string::npos);
    CHECK(refusal({"sh=bin/sh"}).find("absolute") != std::string::npos);
    CHECK(refusal({"sh=/bin/no-such-interpreter"}).find("no program") != std::string::npos);
    CHECK(refusal({"sh=" + folder.path() + "/text"}).find("no program") != std::string::npos);
    CHECK(refusal({"sh=" + folder.path()}).find("no program") != std::string::npos);
    CHECK(refusal({"sh", "sh"}).find("twice") != std::string::npos);
    for (const auto* wrong : {"", "../sh", "/bin/sh", "a b", "-sh", "=/bin/sh"}) {
      CAPTURE(wrong);
      CHECK(refusal({wrong}).find("NAME=/ABSOLUTE/PATH") != std::string::npos);
    }
  }

  TEST_CASE("source that no argument can hold is dead") {
    check_failure(run(std::string(131'072, '#')), "unresolvable", "131071 bytes", TaskFailure::Kind::dead);
    check_failure(run(std::string("echo 1\0echo 2", 13)), "unresolvable", "none that is 0", TaskFailure::Kind::dead);
    CHECK(run(std::string(131'071, '#')).ok());
  }

  TEST_CASE("python, where there is one") {
    const auto python = SourceRunner::allow({"python3"});
    if (!python) return;
    Attempt attempt;
    const auto* source =
        "import json, sys\nparams = json.load(sys.stdin)\nprint(json.dumps({'sum': sum(params['n'])}))\n";
    const auto result = python->run("python3", source, {{"n", {1, 2, 3}}}, attempt.context());
    CHECK(json::serialize(result.value()) == R"({"sum":6})");
    const auto greedy = SourceRunner::allow({"python3"}, {.memory = std::uint64_t{256} << 20U}).value();
    check_failure(greedy.run("python3", "x = bytearray(1 << 30)", {}, attempt.context()), "exit_status", "MemoryError");
  }
}

}  // namespace
