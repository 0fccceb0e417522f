#include "core/store/postgres/artifact_shelf.hpp"

#include <boost/assert.hpp>

#include "core/store/postgres/batch_writer.hpp"

namespace coremachine::postgres {
namespace {

constexpr char fence[] = "SELECT 1 / count(*) FROM server WHERE incarnation = $1 AND NOT fenced";
constexpr char remove_pins[] = "DELETE FROM artifact_pin WHERE number = ANY ($1)";
constexpr char loosen[] =
    "UPDATE artifact_loose SET writer = NULL, keep_until = now() WHERE content = ANY ($1) AND writer = $2";

/// Of a number, the part that counts within one life of a server.
constexpr unsigned counted_bits = 40;

PostgresArtifactsOptions with_clock(PostgresArtifactsOptions options) {
  if (!options.now) options.now = [] { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); };
  return options;
}

struct Hold {
  std::shared_ptr<ArtifactShelf> shelf;
  std::int64_t number;
  Hold(std::shared_ptr<ArtifactShelf> of, std::int64_t row) : shelf(std::move(of)), number(row) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { shelf->let_go(number); }
};

}  // namespace

ArtifactShelf::ArtifactShelf(PostgresArtifactsOptions options)
    : options_(with_clock(std::move(options))),
      pool_(options_.target, options_.incarnation != 0 ? Connection::Role::writer : Connection::Role::reader,
            [self = options_.incarnation](Connection& made) {
              if (self != 0) made.introduce(self);
            }) {}

std::int64_t ArtifactShelf::next_number(std::size_t count) {
  const auto before = last_number_.fetch_add(static_cast<std::int64_t>(count));
  const auto last = before + static_cast<std::int64_t>(count);
  BOOST_ASSERT_MSG(last >> counted_bits == 0 && options_.incarnation >> (63 - counted_bits) == 0,
                   "there are numbers left");
  return (static_cast<std::int64_t>(options_.incarnation) << counted_bits) + before + 1;
}

std::optional<Error> ArtifactShelf::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

std::optional<Error> ArtifactShelf::refusal() const {
  if (options_.incarnation == 0) {
    return Error{ErrorCode::store_failed, "no server has begun: to " + target().location + " nothing can be written"};
  }
  return broken();
}

Error ArtifactShelf::fault_of(const PostgresError& error) {
  if (error.sqlstate() != fence_error) return to_error(error, target().location);
  const std::lock_guard lock(mutex_);
  broken_ = Error{ErrorCode::store_failed, "another server has taken over " + target().location};
  return *broken_;
}

void ArtifactShelf::add_fence(Connection& by) const {
  by.add(fence, options_.incarnation);
}

std::shared_ptr<const void> ArtifactShelf::pinned_here(const ArtifactId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = holds_.find(id);
  return found == holds_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<const void> ArtifactShelf::hold(const ArtifactId& id, std::int64_t number) {
  auto made = std::make_shared<const Hold>(shared_from_this(), number);
  const std::lock_guard lock(mutex_);
  holds_[id] = made;
  return made;
}

void ArtifactShelf::let_go(std::int64_t number) {
  {
    const std::lock_guard lock(mutex_);
    released_.push_back(number);
  }
  changed_.notify_one();
}

void ArtifactShelf::abandon(std::int64_t content) {
  {
    const std::lock_guard lock(mutex_);
    abandoned_.push_back(content);
  }
  changed_.notify_one();
}

Result<void> ArtifactShelf::tidy(Urgency urgency) {
  const std::lock_guard one_at_a_time(tidying_);
  ArrayParam pins, contents;
  {
    const std::lock_guard lock(mutex_);
    for (const auto number : released_) pins.put(number);
    for (const auto number : abandoned_) contents.put(number);
    if (!released_.empty()) std::erase_if(holds_, [](const auto& each) { return each.second.expired(); });
  }
  if (pins.size() == 0 && contents.size() == 0) return {};
  const auto done = ask(
      [&](Connection& by) {
        if (pins.size() > 0) by.add(remove_pins, pins);
        if (contents.size() > 0) by.add(loosen, contents, options_.incarnation);
        by.run();
        return true;
      },
      urgency);
  if (!done) return done.error();
  const std::lock_guard lock(mutex_);  // what came meanwhile is behind
  released_.erase(released_.begin(), released_.begin() + static_cast<std::ptrdiff_t>(pins.size()));
  abandoned_.erase(abandoned_.begin(), abandoned_.begin() + static_cast<std::ptrdiff_t>(contents.size()));
  return {};
}

bool ArtifactShelf::wait_for_work(Milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [&] { return closed_ || !released_.empty() || !abandoned_.empty(); });
  return !closed_;
}

bool ArtifactShelf::rest(Milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return closed_; });
}

void ArtifactShelf::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool ArtifactShelf::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace coremachine::postgres
