// Artifacts from outside, written as they come.

#include <algorithm>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include <coremachine/registry/artifacts.hpp>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

constexpr std::uint64_t largest = std::uint64_t{1} << 40U;
/// Bytes that wait for the disk; while there are more, the client waits.
constexpr std::size_t most_held = std::size_t{1} << 20U;

Error as_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::exception& error) {
    return Error{ErrorCode::store_failed, error.what()};
  }
}

/// Writes on the reading threads, one piece after the other.
class Upload final : public BodyTaker, public std::enable_shared_from_this<Upload> {
 public:
  Upload(Api& api, std::string media_type) : api_(api), media_type_(std::move(media_type)) {}

  bool take(std::string piece) override {
    bool room = true;
    bool idle = false;
    {
      const std::lock_guard lock(mutex_);
      held_ += piece.size();
      pieces_.push_back(std::move(piece));
      room = held_ <= most_held;
      waits_ = !room;
      idle = !std::exchange(works_, true);
    }
    if (idle) begin_work();
    return room;
  }

  /// The body is whole.
  void finish(std::shared_ptr<Call> call) {
    bool idle = false;
    {
      const std::lock_guard lock(mutex_);
      call_ = std::move(call);
      idle = !std::exchange(works_, true);
    }
    if (idle) begin_work();
  }

 private:
  void begin_work() {
    if (api_.run_on_reader_even_closed([self = shared_from_this()] { self->work(); })) return;
    const std::lock_guard lock(mutex_);
    error_ = Error{ErrorCode::overloaded, "too many requests are being answered; come again"};
    works_ = false;
    pieces_.clear();
    held_ = 0;
    if (std::exchange(waits_, false)) resume();
    if (call_) call_->refuse(*error_);
  }

  void work() {
    for (;;) {
      std::string piece;
      std::shared_ptr<Call> call;
      {
        const std::lock_guard lock(mutex_);
        if (!pieces_.empty()) {
          piece = std::move(pieces_.front());
          pieces_.pop_front();
        } else if (call_) {
          call = std::move(call_);
        } else {
          works_ = false;
          return;
        }
      }
      if (call) return answer(*call);
      write(piece);
      const std::lock_guard lock(mutex_);
      held_ -= piece.size();
      if (held_ <= most_held / 2 && std::exchange(waits_, false)) resume();
    }
  }

  void write(const std::string& piece) {
    if (error_) return;
    try {
      begin();
      if (!error_) writing_->write(piece);
    } catch (...) {
      error_ = as_error(std::current_exception());
      writing_.reset();
    }
  }

  void begin() {
    if (writing_) return;
    if (api_.closed()) {
      error_ = Error{ErrorCode::draining, "the server is stopping and takes nothing new"};
      return;
    }
    auto begun = api_.machine().new_artifact(media_type_);
    if (begun) {
      writing_ = std::move(*begun);
    } else {
      error_ = begun.error();
    }
  }

  void answer(Call& call) {
    json::object reference;
    try {
      if (!error_) begin();
      if (!error_) reference = writing_->finish();
    } catch (...) {
      error_ = as_error(std::current_exception());
    }
    if (error_) return call.refuse(*error_);
    const auto id = std::string(reference.at("$artifact").as_string());
    call.send(201, reference, {{"location", "/api/v1/artifacts/" + id}});
  }

  Api& api_;
  const std::string media_type_;
  // Of the thread that works.
  std::unique_ptr<NewArtifact> writing_ = {};
  std::optional<Error> error_ = {};
  std::mutex mutex_;
  std::deque<std::string> pieces_ = {};
  std::size_t held_ = 0;
  bool works_ = false;
  bool waits_ = false;  ///< the client, for room
  std::shared_ptr<Call> call_ = {};
};

std::shared_ptr<BodyTaker> receive(Api& api, const Request& head) {
  const auto* type = head.find("content-type");
  return std::make_shared<Upload>(api, type ? *type : "application/octet-stream");
}

void upload(Api& api, std::shared_ptr<Call> call) {
  auto taker = std::dynamic_pointer_cast<Upload>(call->request().taker);
  if (!taker) {
    // It came in one piece.
    taker = std::static_pointer_cast<Upload>(receive(api, call->request()));
    taker->take(call->request().body);
  }
  taker->finish(std::move(call));
}

}  // namespace

std::vector<Route> upload_routes() {
  return {{.method = "POST",
           .path = "/api/v1/artifacts",
           .role = Role::worker,
           .group = "artifacts",
           .operation = "putArtifact",
           .summary =
               "Store content of any type and size, as it comes; it stays for an hour, and from then on if a job "
               "names it",
           .body_limit = largest,
           .answers = {{201,
                        "it is on disk: the reference that stands for it",
                        "ArtifactReference",
                        "application/json",
                        {"Location"}}},
           .problems = {429},
           .handler = upload,
           .receive = receive}};
}

}  // namespace coremachine::http
