#include <coremachine/registry/job_handler.hpp>

#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

using namespace coremachine;

namespace {

/// Pages of given sizes; the i-th result is the number i, of task 3 i. Counts how often each page is read.
class CountingSource : public ResultSource {
 public:
  explicit CountingSource(std::vector<std::size_t> sizes) : reads(sizes.size()), sizes_(std::move(sizes)) {}

  std::uint64_t total() const override { return completed() * 2; }
  std::uint64_t completed() const override {
    return std::accumulate(sizes_.begin(), sizes_.end(), std::uint64_t{0}) + missing;
  }
  std::uint64_t failed() const override { return completed(); }
  std::size_t pages() const override { return sizes_.size(); }
  Page page(std::size_t number) const override {
    ++reads.at(number);
    const auto first =
        std::accumulate(sizes_.begin(), sizes_.begin() + static_cast<std::ptrdiff_t>(number), std::size_t{0});
    Page page;
    for (std::size_t i = first; i < first + sizes_[number]; ++i) {
      page.indexes.push_back(3 * i);
      page.values.emplace_back(i);
    }
    if (lopsided) page.indexes.push_back(0);
    return page;
  }
  std::vector<TaskFailureRecord> failures(std::size_t limit) const override {
    return std::vector<TaskFailureRecord>(limit, TaskFailureRecord{1, 1, "t", "m"});
  }

  mutable std::vector<int> reads;
  std::uint64_t missing = 0;
  bool lopsided = false;

 private:
  std::vector<std::size_t> sizes_;
};

std::shared_ptr<CountingSource> pages_of(std::vector<std::size_t> sizes) {
  return std::make_shared<CountingSource>(std::move(sizes));
}

}  // namespace

TEST_SUITE("registry: stage results") {
  TEST_CASE("without a store an artifact is a mistake of the caller") {
    const StageResults results(pages_of({1}));
    CHECK_THROWS_AS(results.new_artifact(), std::logic_error);
  }

  TEST_CASE("a stage without results") {
    for (const auto& sizes : {std::vector<std::size_t>{}, {0}, {0, 0}}) {
      const StageResults results(pages_of(sizes));
      CHECK(results.empty());
      CHECK(results.begin() == results.end());
      CHECK_THROWS_AS((void)results[0], std::out_of_range);
      CHECK_THROWS_AS((void)results.index_of(0), std::out_of_range);
    }
  }

  TEST_CASE("going through all results reads each page once") {
    const auto source = pages_of({0, 5, 1, 0, 0, 300, 2, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4});
    const StageResults results(source);
    std::size_t expected = 0;
    for (const auto& value : results) CHECK(value == expected++);
    CHECK(expected == results.size());
    for (std::size_t page = 0; page + 1 < source->reads.size(); ++page) {
      CAPTURE(page);
      CHECK(source->reads[page] == 1);
    }
  }

  TEST_CASE("any result is found, in any order, with the index of its task") {
    const auto source = pages_of({3, 0, 8, 1, 20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 40, 0, 2});
    const StageResults results(source);
    std::mt19937_64 random(2);
    for (int n = 0; n < 5000; ++n) {
      const auto i = random() % results.size();
      CHECK(results[i] == i);
      CHECK(results.index_of(i) == 3 * i);
    }
    CHECK_THROWS_AS((void)results[results.size()], std::out_of_range);
  }

  TEST_CASE("a reference stays good while fifteen other pages are read, and its page is not read again") {
    const auto source = pages_of(std::vector<std::size_t>(40, 10));
    const StageResults results(source);
    const auto& kept = results[5];
    for (std::size_t page = 1; page <= 15; ++page) CHECK(results[page * 10] == page * 10);
    CHECK(kept == 5);
    CHECK(&results[5] == &kept);
    CHECK(source->reads[0] == 1);
  }

  TEST_CASE("looking far ahead does not push out what is in use") {
    const auto source = pages_of(std::vector<std::size_t>(100, 4));
    const StageResults results(source);
    const auto& kept = results[1];
    CHECK(results[399] == 399);
    CHECK(kept == 1);
    CHECK(results[0] == 0);
    CHECK(source->reads[0] == 1);
  }

  TEST_CASE("no more than sixteen pages are held") {
    const auto source = pages_of(std::vector<std::size_t>(17, 1));
    const StageResults results(source);
    for (std::size_t i = 0; i < 17; ++i) CHECK(results[i] == i);
    CHECK(results[0] == 0);
    CHECK(source->reads[0] == 2);
  }

  TEST_CASE("a result that is an artifact is read when it is asked for, and of huge ones only one is held") {
    struct LargeSource final : CountingSource {
      LargeSource() : CountingSource({3, 3}) {}
      Page page(std::size_t number) const override {
        auto page = CountingSource::page(number);
        for (auto& value : page.values) {
          const auto i = value.to_number<std::uint64_t>();
          ArtifactReference reference{{}, std::uint64_t{i < 3 ? 1U : 100U} << 20U, "application/json", i != 1};
          reference.id.digest[0] = static_cast<std::uint8_t>(i);
          value = to_json(reference);
        }
        return page;
      }
      json::value load(const ArtifactReference& reference) const override {
        ++loads;
        return static_cast<int>(reference.id.digest[0]);
      }
      mutable int loads = 0;
    };
    const auto source = std::make_shared<LargeSource>();
    const StageResults results(source);
    CHECK(results.reference(0)->id.digest[0] == 0);
    CHECK(source->loads == 0);
    const auto& first = results[0];
    CHECK(first == json::value(0));
    CHECK(is_artifact_reference(results[1]));  // an author's own
    CHECK_FALSE(results.reference(1));
    CHECK(results[2] == json::value(2));
    CHECK(first == json::value(0));
    CHECK(source->loads == 2);
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 3; i < 6; ++i) {
        CHECK(results[i] == json::value(i));
        CHECK(results[i] == json::value(i));
      }
    }
    CHECK(source->loads == 2 + 6);
    CHECK(results[0] == json::value(0));
    CHECK(source->loads == 2 + 6 + 1);
  }

  TEST_CASE("counts and failures are those of the source") {
    const StageResults results(pages_of({2, 1}));
    CHECK(results.size() == 3);
    CHECK(results.total() == 6);
    CHECK(results.failed() == 3);
    CHECK(results.failures(2).size() == 2);
    CHECK(results.failures().size() == 1000);
  }

  TEST_CASE("results can be moved") {
    StageResults first(pages_of({2, 2}));
    CHECK(first[3] == 3);
    StageResults second(std::move(first));
    CHECK(second[3] == 3);
    first = StageResults(pages_of({1}));
    CHECK(first.size() == 1);
  }

  TEST_CASE("pages that do not add up are damage, not silence") {
    const auto short_of_one = pages_of({2, 2});
    short_of_one->missing = 1;
    const StageResults results(short_of_one);
    CHECK(results[3] == 3);
    CHECK_THROWS_AS((void)results[4], Failure);
    const auto lopsided = pages_of({2});
    lopsided->lopsided = true;
    CHECK_THROWS_AS((void)StageResults(lopsided)[0], Failure);
  }
}
