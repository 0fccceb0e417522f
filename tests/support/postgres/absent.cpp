#include <cstdio>
#include <stdexcept>

#include "tests/conformance/artifact_makers.hpp"
#include "tests/support/postgres/fixture.hpp"

namespace coremachine::store_tests {

std::string new_postgres_url(const std::string&) {
  std::puts("SKIPPED: this was built without libpq: install libpq-dev, and build again");
  throw std::runtime_error("built without libpq");
}

InPostgres::InPostgres() : url_(new_postgres_url("")) {}

void InPostgres::reopen() {}

}  // namespace coremachine::store_tests

namespace coremachine::artifact_tests {

InPostgres::InPostgres() : url_(store_tests::new_postgres_url("")) {}

InPostgres::~InPostgres() = default;

void InPostgres::open() {}

}  // namespace coremachine::artifact_tests
