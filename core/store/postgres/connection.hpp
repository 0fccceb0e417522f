#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <coremachine/model/ids.hpp>

#include "core/store/postgres/postgres_error.hpp"
#include "core/store/postgres/rows.hpp"
#include "core/store/postgres/target.hpp"

extern "C" {
struct pg_conn;
}

namespace coremachine::postgres {

/// A session on the side of the server, by which another one can end it.
struct Session {
  std::int64_t process = 0;
  std::string since = {};  ///< numbers of processes come again
};

/// One connection with the statements that were prepared on it; for one thread at a time. Throws PostgresError. One
/// that has thrown an error that `means_lost` is of no more use.
class Connection {
 public:
  enum class Role : std::uint8_t {
    writer,
    reader,  ///< cannot write; each transaction sees one state
  };
  Connection(const Target& target, Role role);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const Session& session() const { return session_; }
  /// Says whose it is: jobs that it inserts are that one's, and other servers can end it.
  void introduce(Incarnation incarnation);
  /// Ends others, which were lost and may still be at work.
  void end_sessions(const std::vector<Session>& sessions);
  /// A server that says nothing for so long counts as lost; 0: it may think as long as it likes.
  void bear_silence(Milliseconds limit) { silence_ = limit; }

  /// Adds a statement to the pipeline. It is prepared at its first use; `sql` must be a constant: its address is its
  /// name. All that is sent together is one transaction, unless there is a BEGIN in it.
  /// Raw: the answer has its columns as they are in memory, so that bytes need no escape.
  enum class Format : std::uint8_t { text, raw };
  void send(const char* sql, const Params& params, Format format = Format::text);
  template <class... Values>
  void add(const char* sql, Values&&... values) {
    Params params;
    (params.add(values), ...);
    send(sql, params);
  }
  /// Sends what was added and waits until all of it is done: the rows of each statement. If one fails, those behind
  /// it do not run, and without a BEGIN those before it are undone.
  std::vector<Rows> run();
  /// Adds one statement and runs all.
  template <class... Values>
  Rows query(const char* sql, Values&&... values) {
    add(sql, values...);
    auto all = run();
    return std::move(all.back());
  }
  /// The same for an answer of bytes alone.
  template <class... Values>
  Rows query_bytes(const char* sql, Values&&... values) {
    Params params;
    (params.add(values), ...);
    send(sql, params, Format::raw);
    auto all = run();
    return std::move(all.back());
  }
  /// Waits until the server notifies, or `wake` can be read, or for so long.
  void wait_for_notice(int wake, Milliseconds at_most);
  /// Runs statements that are needed once, as one transaction, without parameters.
  void execute(const std::string& sql);

 private:
  struct Expected {
    const char* sql;
    bool preparing;
  };
  struct Finish {
    void operator()(pg_conn* connection) const;
  };

  void settle(const Target& target, Role role);
  [[noreturn]] void lose(const std::string& why);
  /// The next result, or null at the end of those of one statement.
  pg_result* next_result();
  void wait_for_answer(bool more_to_send);
  void forget_unprepared();

  std::unique_ptr<pg_conn, Finish> connection_;
  std::unordered_map<const char*, std::string> statements_ = {};  ///< names of what is prepared, or is about to be
  std::uint64_t last_name_ = 0;                                   ///< none comes twice, whatever became of it
  std::deque<Expected> expected_ = {};
  Session session_ = {};
  Milliseconds silence_{0};
};

}  // namespace coremachine::postgres
