#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

#include "triggers/http/api/call.hpp"

namespace coremachine::http {

class Api;

/// Answers that several who ask the same at about the same time get together: for those who said that an answer of some
/// age will do. So fifty dashboards cost as many reads of the store as one of them. Any thread may call it.
class SharedAnswers {
 public:
  explicit SharedAnswers(Api& api) : api_(api) {}

  /// Answers the call with what `make` returned at most `max_age` ago for the same target. If that is nothing yet,
  /// `make` is called on a thread that may block, once for all who wait for it.
  void answer(const std::shared_ptr<Call>& call, Milliseconds max_age, std::function<Result<json::object>()> make);

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    Clock::time_point made_at = {};
    std::shared_ptr<const std::string> body = {};     ///< null: none yet
    std::vector<std::shared_ptr<Call>> waiting = {};  ///< for the one that is being made
    bool making = false;
  };
  static constexpr std::size_t most_entries = 64;
  static constexpr std::size_t most_kept_bytes = 1 << 20;  ///< larger ones are shared by those who wait, and not kept
  static constexpr std::chrono::seconds longest_kept{10};

  void make_room(Clock::time_point now);
  void finish(const std::string& target, Clock::time_point asked_at, const Result<json::object>& made);

  Api& api_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_ = {};
};

}  // namespace coremachine::http
