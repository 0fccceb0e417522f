#include "tests/support/postgres/fixture.hpp"

#include <unistd.h>

#include <utility>

#include <coremachine/postgres.hpp>

#include "core/store/postgres/postgres_artifacts.hpp"
#include "core/store/postgres/postgres_store.hpp"
#include "tests/conformance/artifact_makers.hpp"
#include "tests/support/postgres/server.hpp"

namespace coremachine::store_tests {

std::string new_postgres_url(const std::string& folder) {
  static int last = 0;
  enable_postgres();
  return support::PostgresServer::shared().url_of("t" + std::to_string(++last)) + "&files=" + folder + "/store";
}

InPostgres::InPostgres() : url_(new_postgres_url("/tmp")) {
  reopen();
}

void InPostgres::reopen() {
  store_.reset();
  store_ = std::move(open_postgres_store({.target = postgres::parse_target(url_).value()}).value());
}

}  // namespace coremachine::store_tests

namespace coremachine::artifact_tests {

InPostgres::InPostgres() : url_(store_tests::new_postgres_url("/tmp")) {
  jobs_ = std::move(open_postgres_store({.target = postgres::parse_target(url_).value()}).value());
  incarnation_ = jobs_->begin_incarnation();
  open();
}

InPostgres::~InPostgres() = default;

void InPostgres::open() {
  artifacts_ = open_postgres_artifacts(
      {.target = postgres::parse_target(url_).value(), .incarnation = incarnation_, .now = clock_.reader()});
}

}  // namespace coremachine::artifact_tests
