#include "triggers/http/api/gathering.hpp"

#include <exception>
#include <string>
#include <utility>

#include "triggers/http/api/problem.hpp"

namespace coremachine::http {

class Gathering::PartOutlet : public Outlet {
 public:
  PartOutlet(std::shared_ptr<Gathering> whole, std::size_t index) : whole_(std::move(whole)), index_(index) {}
  ~PartOutlet() override {
    if (whole_) refuse("a part of the request was dropped without an answer");
  }
  void send(Response response) override { std::exchange(whole_, nullptr)->add(index_, std::move(response)); }
  std::shared_ptr<Outflow> stream(Response) override {
    refuse("what several servers answer is no stream");
    return nullptr;
  }
  void on_gone(std::function<void()> then) override {
    if (whole_) whole_->on_gone(std::move(then));
  }

 private:
  void refuse(const char* why) { send(to_response(problem_of(500, why), whole_->request_id_)); }

  std::shared_ptr<Gathering> whole_;
  const std::size_t index_;
};

Gathering::Gathering(std::size_t parts, std::string request_id, std::unique_ptr<Outlet> outlet, Sum sum)
    : parts_(parts),
      missing_(parts),
      request_id_(std::move(request_id)),
      outlet_(std::move(outlet)),
      sum_(std::move(sum)) {}

std::unique_ptr<Outlet> Gathering::part(std::size_t index) {
  return std::make_unique<PartOutlet>(shared_from_this(), index);
}

void Gathering::wait_at_most(Timers& timers, Milliseconds delay) {
  timers.after(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->finish();
  });
}

void Gathering::add(std::size_t index, Response response) {
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    parts_.at(index) = std::move(response);
    if (--missing_ > 0) return;
  }
  finish();
}

void Gathering::finish() {
  Parts parts;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(over_, true)) return;
    parts = std::move(parts_);
    when_gone_.clear();
  }
  outlet_->send(sum_of(std::move(parts)));
}

/// What a part says may come from a server of another version.
Response Gathering::sum_of(Parts parts) const {
  try {
    return sum_(std::move(parts));
  } catch (const std::exception& error) {
    const auto why = std::string("what several servers answer does not fit: ") + error.what();
    return to_response(problem_of(500, why), request_id_);
  }
}

void Gathering::on_gone(std::function<void()> then) {
  bool first = false;
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    gone = gone_;
    if (!gone) when_gone_.push_back(then);
    first = !std::exchange(listens_, true);
  }
  if (gone) return then();
  if (!first) return;
  outlet_->on_gone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->client_has_gone();
  });
}

void Gathering::client_has_gone() {
  std::vector<std::function<void()>> then;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    then = std::exchange(when_gone_, {});
  }
  for (const auto& each : then) each();
}

}  // namespace coremachine::http
