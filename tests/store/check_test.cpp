#include "core/store/check.hpp"

#include <string>
#include <vector>

#include "core/store/memory/memory_store.hpp"
#include "tests/conformance/store_fixture.hpp"

namespace coremachine {
namespace {

using namespace store_tests;

/// A round, and the earlier ones that it goes on from.
struct Numbers {
  RoundNumber number;
  std::vector<RoundNumber> lineage = {};
};

template <class AnyRound>
void fill(AnyRound& round, const Numbers& numbers) {
  round.number = numbers.number;
  round.stage = 1;
  round.lineage = numbers.lineage;
  round.is_inline = true;
}

/// What is wrong with a job that has these closed rounds and this current one, if any.
std::vector<std::string> problems_of(const std::vector<Numbers>& closed, const std::vector<Numbers>& current,
                                     RoundNumber last_round) {
  const auto store = make_memory_store();
  Committer committer(*store);
  auto batch = committer.batch();
  Job job;
  job.id = id_of(1);
  job.type = "walk";
  job.params = make_text("{}");
  job.last_round = last_round;
  for (const auto& numbers : current) fill(job.round.emplace(), numbers);
  batch.jobs = {encode_job(job)};
  for (const auto& numbers : closed) {
    ClosedRound round;
    fill(round, numbers);
    batch.rounds.push_back(encode_round(job.id, round));
  }
  committer.commit(batch);
  auto problems = check_store(*store, false).problems;
  for (auto& problem : problems) problem.erase(0, problem.find(": ") + 2);
  return problems;
}

using Problems = std::vector<std::string>;

}  // namespace

TEST_SUITE("store: check") {
  TEST_CASE("rounds that follow each other are sound, and so are the gaps that a redrive leaves") {
    CHECK(problems_of({}, {}, 0) == Problems{});
    CHECK(problems_of({}, {{1}}, 1) == Problems{});
    CHECK(problems_of({{1}, {2}}, {{3}}, 3) == Problems{});
    // Rounds 1 to 3 had been there when the second was taken up again; then the fourth was, and then the first.
    CHECK(problems_of({{1}}, {{4, {2}}}, 4) == Problems{});
    CHECK(problems_of({{1}, {5, {2, 4}}}, {{6}}, 6) == Problems{});
    CHECK(problems_of({}, {{7, {1}}}, 7) == Problems{});
  }

  TEST_CASE("each round that is not there is missed") {
    for (RoundNumber gone = 1; gone <= 4; ++gone) {
      std::vector<Numbers> closed;
      std::vector<Numbers> current{{5}};
      for (RoundNumber number = 1; number <= 4; ++number) {
        if (number != gone) closed.push_back({number});
      }
      CHECK(problems_of(closed, current, 5) == Problems{"its round " + std::to_string(gone) + " is missing"});
    }
    CHECK(problems_of({{1}, {2}}, {}, 3) == Problems{"its round 3 is missing"});
    CHECK(problems_of({}, {{4}}, 4) == Problems{"its rounds 1 to 3 are missing"});
    CHECK(problems_of({}, {}, 2) == Problems{"its rounds 1 to 2 are missing"});
    CHECK(problems_of({}, {{4, {2}}}, 4) == Problems{"its round 1 is missing"});
  }

  TEST_CASE("rounds that nobody numbered so are found") {
    CHECK(problems_of({{1}}, {{2}}, 1) == Problems{"has a round beyond its last one"});
    CHECK(problems_of({{1}, {2}}, {{3, {2}}}, 3) == Problems{"its round 2 comes twice"});
  }
}

}  // namespace coremachine
