#include <chrono>
#include <stdexcept>
#include <utility>

#include <libpq-fe.h>

#include <coremachine/postgres.hpp>

#include "core/store/postgres/target.hpp"
#include "triggers/cli/postgres/optional_stores.hpp"

namespace coremachine::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

std::string result_of(std::uint64_t i) {
  return "{\"i\":" + std::to_string(i) + "}";
}

/// `{"a","b"}`, the text of an array of texts.
void add_element(std::string& array, const std::string& text) {
  array += array.size() > 1 ? ",\"" : "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') array += '\\';
    array += c;
  }
  array += '"';
}

class BareServer final : public BarePostgres {
 public:
  explicit BareServer(const std::string& url) {
    auto target = postgres::parse_target(url);
    if (!target) throw std::runtime_error(target.error().message);
    std::vector<const char*> names, values;
    for (const auto& [name, value] : target->parameters) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    run("SET client_min_messages = error");
    run("SET synchronous_commit = on");
    schema_ = "coremachine_bench_" + std::to_string(PQbackendPID(connection_.get()));
    run("CREATE SCHEMA " + schema_);
    run("SET search_path = " + schema_);
    run("CREATE TABLE result (job bigint, stage bigint, idx bigint, result text, PRIMARY KEY (job, stage, idx))");
    run("CREATE TABLE packed (job bigint, chunk bigint, body text, PRIMARY KEY (job, chunk))");
  }
  ~BareServer() override { PQclear(PQexec(connection_.get(), ("DROP SCHEMA " + schema_ + " CASCADE").c_str())); }

  double rows_per_second(std::uint64_t rows) override {
    run("TRUNCATE result");
    const auto began = Clock::now();
    for (std::uint64_t i = 0; i < rows;) {
      std::string numbers = "{", results = "{";
      for (std::uint64_t n = 0; n < block && i < rows; ++n, ++i) {
        numbers += (n == 0 ? "" : ",") + std::to_string(i);
        add_element(results, result_of(i));
      }
      run("INSERT INTO result SELECT 1, 2, unnest($1::bigint[]), unnest($2::text[])", {numbers + "}", results + "}"});
    }
    return static_cast<double>(rows) / std::chrono::duration<double>(Clock::now() - began).count();
  }

  double packed_per_second(std::uint64_t results) override {
    run("TRUNCATE packed");
    const auto began = Clock::now();
    for (std::uint64_t i = 0; i < results;) {
      std::string chunks = "{", bodies = "{";
      for (int row = 0; row < 16 && i < results; ++row) {
        chunks += (row == 0 ? "" : ",") + std::to_string(i / block);
        std::string body = "[";
        for (std::uint64_t n = 0; n < block && i < results; ++n, ++i) body += (n == 0 ? "" : ",") + result_of(i);
        add_element(bodies, body + "]");
      }
      run("INSERT INTO packed SELECT 1, unnest($1::bigint[]), unnest($2::text[])", {chunks + "}", bodies + "}"});
    }
    return static_cast<double>(results) / std::chrono::duration<double>(Clock::now() - began).count();
  }

  std::vector<double> commit_us(std::size_t tries) override {
    std::vector<double> times;
    for (std::size_t i = 0; i < tries; ++i) {
      const auto began = Clock::now();
      run("INSERT INTO packed VALUES (2, $1::bigint, '')", {std::to_string(next_++)});
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
    }
    return times;
  }

 private:
  static constexpr std::uint64_t block = 1000;

  void run(const std::string& sql, const std::vector<std::string>& parameters = {}) {
    std::vector<const char*> values;
    for (const auto& each : parameters) values.push_back(each.c_str());
    auto* result = PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                                nullptr, nullptr, 0);
    const bool done = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    const std::string why = done ? "" : PQresultErrorMessage(result);
    PQclear(result);
    if (!done) throw std::runtime_error(why);
  }

  std::unique_ptr<PGconn, Finish> connection_;
  std::string schema_;
  std::uint64_t next_ = 0;
};

}  // namespace

void enable_optional_stores() {
  enable_postgres();
}

std::unique_ptr<BarePostgres> bare_postgres(const std::string& url) {
  if (!url.starts_with("postgres://") && !url.starts_with("postgresql://")) return nullptr;
  return std::make_unique<BareServer>(url);
}

}  // namespace coremachine::cli
