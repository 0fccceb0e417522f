#pragma once

#include <string_view>

#include "core/ports/store.hpp"

namespace coremachine {

/// What of a row filters look at beyond the columns that have indexes. Views into whatever the row is kept in.
struct JobWords {
  std::string_view id;
  std::string_view type;
  std::string_view tags;   ///< JSON array of strings
  std::string_view error;  ///< JSON object; empty: none
};

/// Whether filters of this kind have to look at rows.
inline bool looks_at_words(const JobFilter& filter) {
  return !filter.tags.empty() || !filter.search.empty();
}

/// Whether tags and search fit. Throws Failure (store_damaged) if the row is not what was written.
bool fits_words(const JobFilter& filter, const JobWords& words);

}  // namespace coremachine
