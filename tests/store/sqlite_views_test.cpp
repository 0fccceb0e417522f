#include <doctest/doctest.h>

#include "tests/store/sqlite_fixture.hpp"
#include "tests/store/views_cases.hpp"

namespace coremachine {
namespace {

using namespace store_tests;

class WithSqliteShell : public ViewReader {
 public:
  std::unique_ptr<Store> open() override { return open_store({.path = path_}); }
  std::vector<Row> rows(const std::string& sql) override { return Shell(path_).rows(sql); }

 private:
  TemporaryFolder folder_;
  std::string path_ = folder_ / "a.db";
};

}  // namespace

TEST_SUITE("store: sqlite views") {
  TEST_CASE("tasks and their outcomes read the same in the views, in segments and inline") {
    WithSqliteShell person;
    check_tasks_in_views(person);
  }

  TEST_CASE("specs and rounds can be read too") {
    WithSqliteShell person;
    check_specs_and_rounds_in_views(person);
  }

  TEST_CASE("a full chunk is read through the views") {
    WithSqliteShell person;
    check_full_chunk_in_views(person);
  }
}

}  // namespace coremachine
