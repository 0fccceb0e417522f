#include <doctest/doctest.h>

#include "tests/store/postgres_fixture.hpp"
#include "tests/store/views_cases.hpp"

namespace coremachine {
namespace {

using namespace store_tests;

class WithPsql : public ViewReader {
 public:
  std::unique_ptr<Store> open() override { return open_postgres(url_); }
  std::vector<Row> rows(const std::string& sql) override { return Psql(url_).rows(sql); }

 private:
  std::string url_ = new_url();
};

}  // namespace

TEST_SUITE("store: postgres views") {
  TEST_CASE("tasks and their outcomes read the same in the views, in segments and inline") {
    WithPsql person;
    check_tasks_in_views(person);
  }

  TEST_CASE("specs and rounds can be read too") {
    WithPsql person;
    check_specs_and_rounds_in_views(person);
  }

  TEST_CASE("a full chunk is read through the views") {
    WithPsql person;
    check_full_chunk_in_views(person);
  }

  TEST_CASE("a character that PostgreSQL does not know is shown as it was written") {
    WithPsql person;
    Job job;
    job.id = id_of(1);
    job.type = "walk";
    job.params = make_text("{}");
    job.round.emplace();
    job.round->number = 1;
    job.round->is_inline = true;
    job.round->specs.emplace_back().task_type = "echo";
    DefinitionSegment inside;
    inside.round = 1;
    inside.count = 1;
    inside.body = make_text(R"([{"a\\u0000":"\u0000\u0000 \\\u0000 \\u0000"}])");
    job.round->inline_definitions = {inside};
    const auto store = person.open();
    Batch batch{.sequence = 1, .incarnation = store->begin_incarnation()};
    batch.jobs = {encode_job(job)};
    auto outside = inside;
    outside.round = 2;
    batch.definitions = {{job.id, outside}};
    REQUIRE(store->commit(batch).has_value());
    const auto params = inside.body->substr(1, inside.body->size() - 2);
    CHECK(person.rows("SELECT round, params FROM definition_task ORDER BY 1") ==
          std::vector<ViewReader::Row>{{"1", params}, {"2", params}});
    CHECK(person.rows("SELECT task_type FROM task_spec") == std::vector<ViewReader::Row>{{"echo"}});
    CHECK(store->stats().tasks_defined == 2);
  }
}

}  // namespace coremachine
