#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <sstream>
#include <thread>

#include "tests/conformance/artifact_fixture.hpp"

namespace coremachine {

using namespace artifact_tests;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void run_together(int threads, const std::function<void(int)>& body) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) running.emplace_back(body, i);
  for (auto& thread : running) thread.join();
}

}  // namespace

TEST_SUITE("conformance: artifacts, outputs") {
  TEST_CASE_TEMPLATE("a key counts once, records keep their order, every record ends its line", Made,
                     ALL_ARTIFACT_STORES) {
    Made made;
    auto output = must(made.store().output(some_job, "rows"));
    CHECK(must(output->append("a", "1")) == 1);
    CHECK(must(output->append("a", "2")) == 0);
    const std::vector<OutputRecord> records{{"b", "3\n"}, {"a", "4"}, {"b", "5"}, {"c", ""}, {"d", "6\n7"}};
    CHECK(must(output->append(records)) == 3);
    CHECK(must(output->append(records)) == 0);
    CHECK(must(output->append(std::span<const OutputRecord>())) == 0);
    CHECK(must(output->append("c", "8")) == 0);
    CHECK(sealed(made.store(), *output) == "1\n3\n6\n7\n");
  }

  TEST_CASE_TEMPLATE("an output without records is sealed as empty", Made, ALL_ARTIFACT_STORES) {
    Made made;
    CHECK(sealed(made.store(), *must(made.store().output(some_job, "rows"))).empty());
  }

  TEST_CASE_TEMPLATE("sealed takes nothing more; opened anew it goes on where it was", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    auto output = must(store.output(some_job, "rows"));
    must(output->append("a", "1"));
    const auto first = must(output->seal()).info;
    CHECK(code_of(output->append("b", "2")) == ErrorCode::wrong_state);
    CHECK(code_of(output->seal()) == ErrorCode::wrong_state);

    auto again = must(store.output(some_job, "rows"));
    CHECK(must(again->append("a", "1")) == 0);
    CHECK(must(again->seal()).info.id == first.id);
    auto more = must(store.output(some_job, "rows"));
    CHECK(must(more->append("b", "2")) == 1);
    CHECK(sealed(store, *more) == "1\n2\n");
    CHECK(code_of(output->append("c", "3")) == ErrorCode::wrong_state);
    CHECK(content_of(store, first.id) == "1\n");
  }

  TEST_CASE_TEMPLATE("all that are in use at once are one output", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto one = must(made.store().output(some_job, "rows"));
    auto two = must(made.store().output(some_job, "rows"));
    auto other = must(made.store().output(some_job, "rows.other"));
    auto foreign = must(made.store().output(JobId{1000, 2}, "rows"));
    CHECK(must(one->append("a", "1")) == 1);
    CHECK(must(two->append("a", "2")) == 0);
    CHECK(must(two->append("b", "3")) == 1);
    CHECK(must(other->append("a", "4")) == 1);
    CHECK(must(foreign->append("a", "5")) == 1);
    CHECK(sealed(made.store(), *one) == "1\n3\n");
    CHECK(code_of(two->append("c", "6")) == ErrorCode::wrong_state);
    CHECK(sealed(made.store(), *other) == "4\n");
    CHECK(sealed(made.store(), *foreign) == "5\n");
  }

  TEST_CASE_TEMPLATE("dropped with its job, and only then", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    const JobId other_job{1000, 2};
    must(must(store.output(other_job, "rows"))->append("a", "1"));
    auto output = must(store.output(some_job, "rows"));
    must(output->append("a", "1"));
    const auto artifact = must(output->seal()).info.id;
    auto unsealed = must(store.output(some_job, "more"));
    CHECK(must(store.jobs_with_outputs()) == std::vector{some_job, other_job});
    must(store.drop_outputs(some_job));
    must(store.drop_outputs(some_job));
    CHECK(must(store.jobs_with_outputs()) == std::vector{other_job});
    CHECK(code_of(unsealed->append("a", "1")) == ErrorCode::wrong_state);
    CHECK(content_of(store, artifact) == "1\n");
    CHECK(must(must(store.output(some_job, "rows"))->append("a", "2")) == 1);
    CHECK(must(must(store.output(other_job, "rows"))->append("a", "2")) == 0);
  }

  TEST_CASE_TEMPLATE("names, keys and records have their limits", Made, ALL_ARTIFACT_STORES) {
    Made made;
    for (const auto* name : {"", ".", "..", "../x", "a/b", "a..b", "a b"}) {
      CAPTURE(name);
      CHECK(code_of(made.store().output(some_job, name)) == ErrorCode::invalid_name);
    }
    auto output = must(made.store().output(some_job, std::string(128, 'n')));
    const std::string longest_key(max_output_key_size, 'k');
    CHECK(code_of(output->append("", "1")) == ErrorCode::invalid_argument);
    CHECK(code_of(output->append(longest_key + "k", "1")) == ErrorCode::invalid_argument);
    const std::string too_long(max_output_record_size + 1, ' ');
    const std::vector<OutputRecord> records{{"a", "1"}, {"b", too_long}};
    CHECK(code_of(output->append(records)) == ErrorCode::invalid_argument);
    CHECK(must(output->append(longest_key, "2")) == 1);
    CHECK(sealed(made.store(), *output) == "2\n");
  }
}

TEST_SUITE("conformance: artifacts, several threads") {
  TEST_CASE_TEMPLATE("what is pinned can be read, whoever stores the same and whoever collects", Made,
                     ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    constexpr int writers = 3;
    constexpr int puts = 60;
    std::atomic<int> writing = writers;
    std::atomic<int> wrong = 0;
    std::atomic<std::uint64_t> removed = 0;
    const auto collect_all = [&] {
      auto request = everything_before(start_time + minute);
      request.max = 2;
      do {
        const auto collected = store.collect(request);
        if (!collected) {
          ++wrong;
          return;
        }
        removed += collected->removed;
        request.after = collected->next;
      } while (request.after);
    };
    run_together(writers + 1, [&](int thread) {
      if (thread == writers) {
        while (writing > 0) collect_all();
        return;
      }
      for (int i = 0; i < puts; ++i) {
        const auto content = "content " + std::to_string(i % 3);
        const auto stored = store.put(content, text_type);
        const auto reader = stored ? store.open(stored->info.id) : stored.error();
        const auto read = reader ? (*reader)->read_all(100) : reader.error();
        if (!read || *read != content) ++wrong;
      }
      --writing;
    });
    CHECK(wrong == 0);
    collect_all();
    CHECK(removed >= 3);
    CHECK(all_ids(store).empty());
    CHECK(must(store.stats()).count == 0);
  }

  TEST_CASE_TEMPLATE("equal content from all threads at once is one artifact", Made, ALL_ARTIFACT_STORES) {
    Made made;
    const auto content = random_bytes(300'000, 3);
    CHECK(must(made.store().stats()).count == 0);
    std::atomic<int> stored = 0;
    run_together(4, [&](int) {
      for (int i = 0; i < 5; ++i) stored += made.store().put(content, text_type).has_value() ? 1 : 0;
    });
    CHECK(stored == 20);
    CHECK(must(made.store().stats()).count == 1);
    CHECK(must(made.store().stats()).bytes == content.size());
    CHECK(content_of(made.store(), all_ids(made.store()).at(0)) == content);
  }

  TEST_CASE_TEMPLATE("records from all threads are in the output once each", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto output = must(made.store().output(some_job, "rows"));
    std::atomic<std::size_t> fresh = 0;
    std::atomic<int> failed = 0;
    run_together(4, [&](int thread) {
      for (int i = 0; i < 40; ++i) {
        // Each key comes from two of the threads.
        const auto key = std::to_string((thread / 2) * 40 + i);
        const auto added = output->append(key, key);
        if (added)
          fresh += *added;
        else
          ++failed;
      }
    });
    CHECK(failed == 0);
    CHECK(fresh == 80);
    auto lines = lines_of(sealed(made.store(), *output));
    std::sort(lines.begin(), lines.end());
    CHECK(lines.size() == 80);
    CHECK(std::adjacent_find(lines.begin(), lines.end()) == lines.end());
  }
}

}  // namespace coremachine
