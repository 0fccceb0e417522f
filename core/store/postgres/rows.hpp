#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/model/time.hpp>

#include "core/model/text.hpp"
#include "core/ports/store.hpp"
#include "core/store/postgres/params.hpp"

extern "C" {
struct pg_result;
}

namespace coremachine::postgres {

/// The rows that a statement gave, one after the other.
class Rows {
 public:
  explicit Rows(pg_result* result) : result_(result) {}

  bool next();
  int count() const;
  /// How many rows the statement changed.
  std::uint64_t changed() const;

  // Columns of the current row, counted from 0. Texts are good as long as this is.
  bool is_null(int column) const;
  std::string_view view(int column) const;
  template <std::integral Number>
  Number as(int column) const {
    Number value = 0;
    const auto text = view(column);
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::int64_t integer(int column) const { return as<std::int64_t>(column); }
  bool flag(int column) const { return view(column) == "t"; }
  std::string string(int column) const { return std::string(view(column)); }
  Text text(int column) const { return is_null(column) ? nullptr : make_text(string(column)); }
  Timestamp time(int column) const { return Timestamp{Milliseconds{integer(column)}}; }
  std::optional<Timestamp> maybe_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
  int at_ = -1;
};

// How rows of the engine become rows of the tables and come back. The values are in the order of the columns.

void put(Columns& to, const JobRow& row);
void put(Columns& to, const RoundRow& row);
void put(Columns& to, const std::string& job, const DefinitionSegment& segment);
void put(Columns& to, const std::string& job, const OutcomeSegment& segment);

// They take the columns that core/store/table_rows.hpp names, and throw what it says.
JobRow read_job_row(const Rows& rows);
RoundRow read_round_row(const Rows& rows);
DefinitionSegment read_definition(const Rows& rows);
OutcomeSegment read_outcome(const Rows& rows);

}  // namespace coremachine::postgres
