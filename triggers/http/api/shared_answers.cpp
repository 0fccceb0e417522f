#include "triggers/http/api/shared_answers.hpp"

#include <exception>
#include <utility>

#include "core/model/json_text.hpp"
#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

/// What is thrown is an error like others.
Result<json::object> guarded(const std::function<Result<json::object>()>& make) {
  try {
    return make();
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::exception& error) {
    return Error{ErrorCode::store_failed, error.what()};
  }
}

}  // namespace

void SharedAnswers::answer(const std::shared_ptr<Call>& call, Milliseconds max_age,
                           std::function<Result<json::object>()> make) {
  const auto now = Clock::now();
  const auto& target = call->request().target;
  std::shared_ptr<const std::string> body;
  {
    const std::lock_guard lock(mutex_);
    make_room(now);
    auto& entry = entries_[target];
    if (entry.body && now - entry.made_at <= max_age) {
      body = entry.body;
    } else {
      entry.waiting.push_back(call);
      if (std::exchange(entry.making, true)) return;
    }
  }
  if (body) return call->send_text(200, *body);
  const bool taken =
      api_.run_on_reader([this, target, now, make = std::move(make)] { finish(target, now, guarded(make)); });
  if (!taken) finish(target, now, Error{ErrorCode::overloaded, "too many requests are being answered; come again"});
}

void SharedAnswers::make_room(Clock::time_point now) {
  const auto too_old = [&](const auto& entry) {
    return !entry.second.making && now - entry.second.made_at > longest_kept;
  };
  std::erase_if(entries_, too_old);
  if (entries_.size() < most_entries) return;
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.making; });
}

void SharedAnswers::finish(const std::string& target, Clock::time_point asked_at, const Result<json::object>& made) {
  auto body = std::make_shared<std::string>();
  const auto fault = made ? append_json(*body, *made) : std::nullopt;
  std::vector<std::shared_ptr<Call>> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(target);
    waiting.swap(at->second.waiting);
    at->second.making = false;
    at->second.made_at = asked_at;
    at->second.body = made && !fault && body->size() <= most_kept_bytes ? body : nullptr;
  }
  for (const auto& call : waiting) {
    if (!made) {
      call->refuse(made.error());
    } else if (fault) {
      call->refuse(Error{ErrorCode::store_damaged, "the answer is not valid JSON: " + *fault});
    } else {
      call->send_text(200, *body);
    }
  }
}

}  // namespace coremachine::http
