#include "core/store/postgres/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <libpq-fe.h>

namespace coremachine::postgres {
namespace {

/// The first that has the functions and clauses that the store uses.
constexpr int oldest_server = 120000;

std::string trimmed(const char* message) {
  std::string text = message ? message : "";
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::erase(text, '\t');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

PostgresError error_of(const PGresult* result) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text ? text : "");
  };
  auto message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = trimmed(PQresultErrorMessage(result));
  if (const auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) message += " (" + detail + ")";
  return PostgresError(field(PG_DIAG_SQLSTATE), message);
}

/// Why there is no connection: libpq has no SQLSTATE for it before version 17, only words.
std::string state_of_refusal(const std::string& message) {
  const auto has = [&](std::string_view part) { return message.find(part) != std::string::npos; };
  if (has("password authentication failed") || has("no password supplied") || has("no pg_hba.conf entry"))
    return "28P01";
  if (has("authentication failed") || (has("role \"") && has("does not exist"))) return "28000";
  if (has("database \"") && has("does not exist")) return "3D000";
  if (has("permission denied for database")) return "42501";
  if (has("too many clients") || has("remaining connection slots") || has("too many connections")) return "53300";
  if (has("is starting up") || has("is shutting down") || has("in recovery mode") || has("not yet accepting")) {
    return "57P03";
  }
  return {};
}

// What a session is like. LISTs of settings are better given here than to the server's configuration, which is its
// owner's. A generic plan costs nothing to make, and all that is asked has one right index.
constexpr char settings_of_session[] =
    "SELECT set_config('search_path', quote_ident($1), false), "
    "set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false), "
    "set_config('enable_seqscan', 'off', false), set_config('lock_timeout', '10s', false), "
    "set_config('idle_in_transaction_session_timeout', '60s', false), "
    "set_config('statement_timeout', '0', false), set_config('standard_conforming_strings', 'on', false), "
    "pg_backend_pid(), "
    "coalesce((SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()), ''), "
    "current_setting('server_encoding')";
// A stronger promise than `on` is left as it is.
constexpr char settings_of_writer[] =
    "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' "
    "THEN 'remote_apply' ELSE 'on' END, false), set_config('work_mem', '64MB', false), "
    "set_config('default_transaction_isolation', 'read committed', false)";
constexpr char settings_of_reader[] =
    "SELECT set_config('default_transaction_isolation', 'repeatable read', false), "
    "set_config('default_transaction_read_only', 'on', false)";

constexpr char say_who[] =
    "SELECT set_config('coremachine.incarnation', $1::text, false), "
    "set_config('application_name', 'coremachine ' || $1::text, false)";
constexpr char end_session[] =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2";

}  // namespace

void Connection::Finish::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

Connection::Connection(const Target& target, Role role) : silence_(target.patience) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : target.parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back("client_encoding");
  values.push_back("UTF8");
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    const auto message = trimmed(PQerrorMessage(connection_.get()));
    throw PostgresError(state_of_refusal(message), message);
  }
  if (const int version = PQserverVersion(connection_.get()); version < oldest_server) {
    throw PostgresError("0A000", "the server is PostgreSQL " + std::to_string(version / 10000) +
                                     ", and the store needs version 12 or a newer one");
  }
  // What the server has to remark is for its own log.
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) {
    lose(trimmed(PQerrorMessage(connection_.get())));
  }
  settle(target, role);
}

Connection::~Connection() = default;

void Connection::settle(const Target& target, Role role) {
  add(role == Role::writer ? settings_of_writer : settings_of_reader);
  auto settled = query(settings_of_session, target.schema);
  settled.next();
  session_ = {settled.integer(8), settled.string(9)};
  if (settled.view(10) != "UTF8") {
    throw PostgresError("22021", "the encoding of the database is " + settled.string(10) +
                                     ", and the store needs UTF8: make the database with ENCODING 'UTF8'");
  }
}

void Connection::introduce(Incarnation incarnation) {
  query(say_who, std::to_string(incarnation));
}

void Connection::end_sessions(const std::vector<Session>& sessions) {
  if (sessions.empty()) return;
  for (const auto& session : sessions) add(end_session, session.process, session.since);
  run();
}

void Connection::lose(const std::string& why) {
  throw PostgresError("", why.empty() ? "the connection to the server was lost" : why);
}

void Connection::send(const char* sql, const Params& params, Format format) {
  auto* to = connection_.get();
  auto found = statements_.find(sql);
  const bool is_new = found == statements_.end();
  if (is_new) found = statements_.emplace(sql, "s" + std::to_string(++last_name_)).first;
  if (is_new) {
    if (PQsendPrepare(to, found->second.c_str(), sql, params.size(), params.types()) != 1) {
      lose(trimmed(PQerrorMessage(to)));
    }
    expected_.push_back({sql, true});
  }
  if (PQsendQueryPrepared(to, found->second.c_str(), params.size(), params.values(), params.lengths(), params.formats(),
                          format == Format::raw ? 1 : 0) != 1) {
    lose(trimmed(PQerrorMessage(to)));
  }
  expected_.push_back({sql, false});
}

void Connection::wait_for_answer(bool more_to_send) {
  pollfd socket{PQsocket(connection_.get()), static_cast<short>(more_to_send ? POLLIN | POLLOUT : POLLIN), 0};
  const int limit = silence_.count() > 0 ? static_cast<int>(silence_.count()) : -1;
  int ready = 0;
  do {
    ready = ::poll(&socket, 1, limit);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) lose(std::generic_category().message(errno));
  if (ready == 0) lose("the server has said nothing for " + std::to_string(limit / 1000) + " s");
}

pg_result* Connection::next_result() {
  auto* from = connection_.get();
  for (;;) {
    const int unsent = PQflush(from);
    if (unsent >= 0 && PQisBusy(from) == 0) return PQgetResult(from);
    if (unsent >= 0) wait_for_answer(unsent > 0);
    if (PQconsumeInput(from) == 1 && unsent >= 0) continue;
    // It may have said why before it hung up.
    if (PQisBusy(from) == 0) return PQgetResult(from);
    lose(trimmed(PQerrorMessage(from)));
  }
}

std::vector<Rows> Connection::run() {
  auto* from = connection_.get();
  if (PQpipelineSync(from) != 1) lose(trimmed(PQerrorMessage(from)));
  std::vector<Rows> answers;
  std::optional<PostgresError> failed;
  for (int pauses = 0;;) {
    auto* result = next_result();
    if (!result) {
      if (PQstatus(from) != CONNECTION_OK || ++pauses > 1) {
        if (failed && failed->means_lost()) throw *failed;
        lose(trimmed(PQerrorMessage(from)));
      }
      continue;
    }
    pauses = 0;
    Rows rows(result);
    const auto status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (expected_.empty()) lose("the server answers what was not asked");
      if (!expected_.front().preparing) answers.push_back(std::move(rows));
      expected_.pop_front();
      continue;
    }
    if (status == PGRES_PIPELINE_ABORTED) continue;
    if (!failed) failed = error_of(result);
    if (PQstatus(from) != CONNECTION_OK)
      throw PostgresError(failed->means_lost() ? failed->sqlstate() : "", failed->what());
  }
  if (failed) forget_unprepared();
  if (failed) throw *failed;
  if (!expected_.empty()) lose("the server has not answered all that was asked");
  return answers;
}

void Connection::wait_for_notice(int wake, Milliseconds at_most) {
  auto* from = connection_.get();
  const auto notified = [&] {
    bool any = false;
    while (auto* notice = PQnotifies(from)) {
      PQfreemem(notice);
      any = true;
    }
    return any;
  };
  if (notified()) return;
  std::array<pollfd, 2> sources{pollfd{PQsocket(from), POLLIN, 0}, pollfd{wake, POLLIN, 0}};
  int ready = 0;
  do {
    ready = ::poll(sources.data(), sources.size(), static_cast<int>(at_most.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) lose(std::generic_category().message(errno));
  if (sources[0].revents != 0 && PQconsumeInput(from) != 1) lose(trimmed(PQerrorMessage(from)));
  notified();
}

void Connection::forget_unprepared() {
  for (const auto& each : expected_) {
    if (each.preparing) statements_.erase(each.sql);
  }
  expected_.clear();
}

void Connection::execute(const std::string& sql) {
  // Several statements at once need the simple protocol, which the pipeline does not have.
  auto* to = connection_.get();
  if (PQexitPipelineMode(to) != 1 || PQsetnonblocking(to, 0) != 0) lose(trimmed(PQerrorMessage(to)));
  auto* result = PQexec(to, sql.c_str());
  const Rows done(result);
  std::optional<PostgresError> failed;
  const auto status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) failed = error_of(result);
  if (PQstatus(to) != CONNECTION_OK) lose(failed ? failed->what() : "");
  if (PQsetnonblocking(to, 1) != 0 || PQenterPipelineMode(to) != 1) lose(trimmed(PQerrorMessage(to)));
  if (failed) throw *failed;
}

}  // namespace coremachine::postgres
