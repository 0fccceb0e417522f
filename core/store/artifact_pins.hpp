#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <coremachine/model/artifact.hpp>

namespace coremachine {

/// Who may not be removed just now. Any thread.
///
/// Whoever stores or uses content pins its id first and looks for the content then. So nothing that was found while
/// pinned can go, and what went before it was pinned is not found.
class ArtifactPins : public std::enable_shared_from_this<ArtifactPins> {
 public:
  /// Holds as long as the pin or a copy of it lives.
  std::shared_ptr<const void> pin(const ArtifactId& id);

  /// Calls `remove` unless the id is pinned, `is_kept` says so, or the id was pinned while `is_kept` was being asked.
  /// Nobody gets a pin while `remove` is at work. One call at a time; the others wait.
  /// Returns whether it was called.
  bool remove_unless(const ArtifactId& id, const std::function<bool()>& is_kept, const std::function<void()>& remove);

 private:
  void unpin(const ArtifactId& id) noexcept;

  std::mutex judging_;  ///< held by the one who removes; taken before mutex_
  std::mutex mutex_;
  std::map<ArtifactId, std::size_t> pins_;
  std::optional<ArtifactId> judged_;
  bool was_pinned_ = false;  ///< the judged one, since it is judged
};

}  // namespace coremachine
