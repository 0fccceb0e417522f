#include "triggers/cli/postgres/optional_stores.hpp"

namespace coremachine::cli {

void enable_optional_stores() {}

std::unique_ptr<BarePostgres> bare_postgres(const std::string&) {
  return nullptr;
}

}  // namespace coremachine::cli
