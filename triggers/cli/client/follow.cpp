#include "triggers/cli/client/follow.hpp"

#include <algorithm>
#include <thread>

#include <coremachine/model/status.hpp>

#include "core/model/value_parser.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

bool ends_the_job(std::string_view name) {
  if (!name.starts_with("job.")) return false;
  const auto status = job_status_from(name.substr(4));
  return status && is_terminal(*status);
}

/// One pass over the events of a job, connection by connection.
class Pursuit {
 public:
  Pursuit(Api& api, const std::string& job_id,
          const std::function<void(const std::string&, const json::object&)>& on_event, const FollowOptions& options)
      : api_(api), target_({"jobs", job_id, "events"}), on_event_(on_event), options_(options) {}

  Followed run() {
    for (;;) {
      const auto lost = read_one_connection();
      if (over_ && options_.is_over()) return Followed::ended;
      over_ = false;
      if (past(options_.until)) return Followed::timed_out;
      wait_to_reconnect(lost);
    }
  }

 private:
  static bool past(const std::optional<Deadline>& time) { return time && Clock::now() >= *time; }

  /// How long to wait for the next byte.
  Milliseconds patience() const {
    // A job that was retried has an end in the middle of its events. The server closes after the last one.
    auto patience = over_ ? Milliseconds{2'000} : options_.silence;
    if (options_.until) patience = std::min(patience, std::chrono::ceil<Milliseconds>(*options_.until - Clock::now()));
    return std::max(patience, Milliseconds{0});
  }

  /// Reads until the connection ends or fails, and says why.
  TransportError read_one_connection() {
    HttpRequest request{.target = target_.text(), .fields = {{"Accept", "text/event-stream"}}};
    if (!reader_.last_id().empty()) request.fields.emplace_back("Last-Event-ID", reader_.last_id());
    auto stream = api_.http().open(request);
    if (!stream) {
      if (!connected_before_) throw failure_of(stream.error(), api_.server());
      return stream.error();
    }
    // Nothing comes after the last event that was read: the job is over.
    if ((*stream)->head().status == 204) over_ = true;
    if (over_) return {TransportError::Kind::closed, "no more events"};
    if ((*stream)->head().status != 200) return refused(**stream, request.target);
    connected_before_ = true;
    regained();
    reader_.restart();
    for (;;) {
      const auto bytes = (*stream)->read(patience());
      if (!bytes) return bytes.error();
      if (bytes->empty()) return {TransportError::Kind::closed, "the stream ended before the job"};
      for (const auto& event : reader_.feed(*bytes)) take(event);
    }
  }

  TransportError refused(HttpStream& stream, const std::string& target) {
    HttpReply reply{stream.head(), {}};
    for (;;) {
      const auto more = stream.read(Milliseconds{5'000});
      if (!more || more->empty()) break;
      reply.body += *more;
    }
    const bool passing = reply.head.status == 429 || reply.head.status >= 500;
    if (passing && connected_before_)
      return {TransportError::Kind::refused, "it answers " + std::to_string(reply.head.status)};
    throw failure_of(reply, target, api_.server());
  }

  void take(const StreamEvent& event) {
    boost::system::error_code error;
    const auto data = parse_value(event.data, error);
    if (error || !data.is_object()) return;
    over_ = ends_the_job(event.name);
    on_event_(event.name, data.get_object());
  }

  void regained() {
    if (lost_since_) options_.note("connected again");
    lost_since_.reset();
    pause_ = options_.first_pause;
  }

  void wait_to_reconnect(const TransportError& lost) {
    const auto now = Clock::now();
    if (!lost_since_) {
      lost_since_ = now;
      pause_ = reader_.retry_ms() ? Milliseconds{*reader_.retry_ms()} : options_.first_pause;
      if (lost.kind != TransportError::Kind::closed) options_.note("lost the server (" + lost.what + "), trying again");
    }
    if (now - *lost_since_ >= options_.outage) throw failure_of(lost, api_.server());
    auto pause = std::min(pause_, options_.longest_pause);
    if (options_.until) pause = std::min(pause, std::chrono::ceil<Milliseconds>(*options_.until - now));
    std::this_thread::sleep_for(pause);
    pause_ = pause_ * 2;
  }

  Api& api_;
  const Target target_;
  const std::function<void(const std::string&, const json::object&)>& on_event_;
  const FollowOptions& options_;
  EventReader reader_;
  bool over_ = false;
  bool connected_before_ = false;
  std::optional<Deadline> lost_since_;
  Milliseconds pause_{0};
};

}  // namespace

Followed follow(Api& api, const std::string& job_id,
                const std::function<void(const std::string&, const json::object&)>& on_event,
                const FollowOptions& options) {
  return Pursuit(api, job_id, on_event, options).run();
}

}  // namespace coremachine::cli
