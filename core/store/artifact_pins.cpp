#include "core/store/artifact_pins.hpp"

#include <boost/assert.hpp>

namespace coremachine {

std::shared_ptr<const void> ArtifactPins::pin(const ArtifactId& id) {
  struct Hold {
    std::shared_ptr<ArtifactPins> pins;
    ArtifactId id;
    Hold(std::shared_ptr<ArtifactPins> all, const ArtifactId& one) : pins(std::move(all)), id(one) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { pins->unpin(id); }
  };
  {
    const std::lock_guard lock(mutex_);
    ++pins_[id];
    if (judged_ == id) was_pinned_ = true;
  }
  return std::make_shared<const Hold>(shared_from_this(), id);
}

void ArtifactPins::unpin(const ArtifactId& id) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = pins_.find(id);
  BOOST_ASSERT_MSG(found != pins_.end(), "a pin is let go once");
  if (--found->second == 0) pins_.erase(found);
}

bool ArtifactPins::remove_unless(const ArtifactId& id, const std::function<bool()>& is_kept,
                                 const std::function<void()>& remove) {
  const std::lock_guard one_at_a_time(judging_);
  {
    const std::lock_guard lock(mutex_);
    if (pins_.contains(id)) return false;
    judged_ = id;
    was_pinned_ = false;
  }
  const bool kept = is_kept();
  const std::lock_guard lock(mutex_);
  judged_.reset();
  if (kept || was_pinned_) return false;
  remove();
  return true;
}

}  // namespace coremachine
