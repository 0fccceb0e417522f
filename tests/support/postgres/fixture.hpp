#pragma once

#include <memory>
#include <string>

#include "core/ports/store.hpp"

namespace coremachine::store_tests {

/// A new, empty store in a schema of its own of the server that the tests share. Throws if the tests were built without
/// libpq or there is no PostgreSQL; what it prints then makes ctest skip the test.
class InPostgres {
 public:
  InPostgres();
  Store& store() { return *store_; }
  void reopen();
  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::unique_ptr<Store> store_;
};

/// The URL of a schema that nobody has used yet, with `files` in `folder`.
std::string new_postgres_url(const std::string& folder);

}  // namespace coremachine::store_tests
