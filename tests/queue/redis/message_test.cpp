// What workers and servers say to each other.

#include "core/queue/redis/message.hpp"

#include <random>

#include <doctest/doctest.h>

namespace {

using namespace coremachine;
using redis::Message;

Message example(Message::Kind kind) {
  Message message;
  message.kind = kind;
  message.worker.name = "host \"one\":7";
  message.number = "ab-17";
  redis::LeaseWord word{LeaseId{0x7f}, JobId::make(Timestamp{Milliseconds{1'767'268'800'000}}, 1, 2)};
  if (kind == Message::Kind::renew) {
    message.worker.concurrency = 4;
    message.worker.task_types = {"a", "b.c"};
    message.worker.resolver_id = "etl";
    word.progress.push_back({12, 2, R"({"at":0.5})"});
  }
  if (kind == Message::Kind::report) {
    RemoteOutcome done{.index = 3, .attempt = 1};
    done.result = R"({"i":3,"t":"x\"y"})";
    done.took = std::chrono::microseconds{17};
    RemoteOutcome failed{.index = 4, .attempt = 2, .kind = RemoteOutcome::Kind::failed};
    failed.failure = {"Broken", "no \"way\"\n", TaskFailure::Kind::permanent, Milliseconds{50}};
    failed.progress = "[1]";
    RemoteOutcome tried{.index = 5, .attempt = 1, .kind = RemoteOutcome::Kind::failed};
    tried.failure = {"Broken", "again", TaskFailure::Kind::retry, std::nullopt};
    RemoteOutcome returned{.index = 6, .attempt = 1, .kind = RemoteOutcome::Kind::returned};
    word.outcomes = {done, failed, tried, returned};
  }
  if (kind == Message::Kind::refuse) message.why = "unknown schema \"2\"";
  message.leases.push_back(std::move(word));
  return message;
}

TEST_CASE("messages of all kinds read back as they were written") {
  for (const auto kind : {Message::Kind::report, Message::Kind::renew, Message::Kind::claim, Message::Kind::refuse,
                          Message::Kind::hello, Message::Kind::leave}) {
    const auto message = example(kind);
    const auto text = redis::to_text(message);
    CAPTURE(text);
    const auto read = redis::read_message(text);
    REQUIRE(read.has_value());
    CHECK(redis::to_text(*read) == text);
    CHECK(read->kind == kind);
    CHECK(read->worker.name == message.worker.name);
    CHECK(read->worker.task_types == message.worker.task_types);
    CHECK(read->worker.concurrency == message.worker.concurrency);
    CHECK(read->worker.resolver_id == message.worker.resolver_id);
    CHECK(read->number == message.number);
    CHECK(read->why == message.why);
    REQUIRE(read->leases.size() == 1);
    CHECK(read->leases[0].job == message.leases[0].job);
    REQUIRE(read->leases[0].outcomes.size() == message.leases[0].outcomes.size());
    for (std::size_t i = 0; i < read->leases[0].outcomes.size(); ++i) {
      const auto& a = read->leases[0].outcomes[i];
      const auto& b = message.leases[0].outcomes[i];
      CHECK(a.index == b.index);
      CHECK(a.attempt == b.attempt);
      CHECK(a.kind == b.kind);
      CHECK(a.result == b.result);
      CHECK(a.progress == b.progress);
      CHECK(a.took == b.took);
      CHECK(a.failure.message == b.failure.message);
      CHECK(a.failure.kind == b.failure.kind);
      CHECK(a.failure.retry_after == b.failure.retry_after);
    }
  }
}

TEST_CASE("answers and workers read back") {
  redis::Answer answer{"n-1", "s1"};
  answer.news = {{LeaseId{1}, LeaseState::held},
                 {LeaseId{2}, LeaseState::recalled},
                 {LeaseId{3}, LeaseState::cancelled},
                 {LeaseId{4}, LeaseState::gone}};
  answer.fault = "no \"disk\"";
  answer.is_busy = true;
  const auto read = redis::read_answer(redis::to_text(answer));
  REQUIRE(read.has_value());
  CHECK(redis::to_text(*read) == redis::to_text(answer));
  CHECK(read->is_busy);
  CHECK(read->elsewhere.empty());
  answer.elsewhere = {LeaseId{5}, LeaseId{6}};
  CHECK(redis::read_answer(redis::to_text(answer))->elsewhere == answer.elsewhere);
  CHECK(read->news[3].state == LeaseState::gone);

  RemoteWorker worker{.name = "w", .concurrency = 3, .task_types = {"a"}, .resolver_id = "etl"};
  const auto known = redis::read_worker(redis::worker_text(worker));
  REQUIRE(known.has_value());
  CHECK(known->name == "w");
  CHECK(known->kind == "redis");
  CHECK(known->concurrency == 3);
  CHECK(known->task_types == worker.task_types);
  CHECK(known->resolver_id == "etl");
}

TEST_CASE("what is none is refused, and never ends the reader") {
  for (const auto* text :
       {"", "{}", "[]", R"({"schema":1,"kind":"report"})", R"({"schema":1,"worker":"w"})",
        R"({"schema":1,"kind":"dance","worker":"w"})", R"({"schema":2,"kind":"hello","worker":"w"})",
        R"({"schema":1,"kind":"claim","worker":"w","leases":[{}]})",
        R"({"schema":1,"kind":"claim","worker":"w","leases":[{"lease":"0"}]})",
        R"({"schema":1,"kind":"report","worker":"w","leases":[{"lease":"1","done":[[1]]}]})",
        R"({"schema":1,"kind":"report","worker":"w","leases":[{"lease":"1","returned":[[1,2,3]]}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(redis::read_message(text).has_value());
  }
  CHECK(redis::read_message(R"({"schema":2,"kind":"hello","worker":"w"})").error().message.find("unknown schema 2") !=
        std::string::npos);
  const auto good = redis::to_text(example(Message::Kind::report));
  std::mt19937_64 random(5);
  for (int i = 0; i < 3000; ++i) {
    auto text = good.substr(0, random() % 4 == 0 ? random() % good.size() : good.size());
    if (!text.empty()) text[random() % text.size()] = static_cast<char>(random());
    const auto read = redis::read_message(text);
    if (read) CHECK(read->leases.size() <= 1);
  }
}

}  // namespace
