#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/ports/store.hpp"

namespace coremachine::store_tests {

/// A new store, and somebody who looks at its views with the shell of its database. NULL is "NULL".
class ViewReader {
 public:
  using Row = std::vector<std::string>;
  virtual ~ViewReader() = default;
  virtual std::unique_ptr<Store> open() = 0;
  virtual std::vector<Row> rows(const std::string& sql) = 0;
};

// The views that let a person read tasks say what the store itself says.

/// Tasks and their outcomes, in segments and inline.
void check_tasks_in_views(ViewReader& person);
void check_specs_and_rounds_in_views(ViewReader& person);
void check_full_chunk_in_views(ViewReader& person);

}  // namespace coremachine::store_tests
