#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "core/ports/artifacts.hpp"
#include "core/store/artifact_pins.hpp"
#include "core/store/files/tree.hpp"

namespace coremachine::files {

/// The artifacts in a tree: what the store, its writers and its outputs share, and what outlives the store in them.
class Shelf {
 public:
  explicit Shelf(std::shared_ptr<Tree> tree) : tree_(std::move(tree)) {}

  Tree& tree() { return *tree_; }
  ArtifactPins& pins() { return *pins_; }

  /// Gives a finished file, synced already, the name of its content in a place that was made, unless it is stored
  /// already. Durable when it returns success; the temporary file is gone in any case. The id is pinned by the caller.
  Result<ArtifactInfo> publish(File file, ArtifactInfo info);
  /// Of one that nobody can pin meanwhile.
  Result<void> remove(const ArtifactId& id);
  Result<ArtifactStats> stats();

 private:
  void count_in(const ArtifactId& id, std::uint64_t bytes);
  void count_out(const ArtifactId& id, std::uint64_t bytes);
  Result<ArtifactStats> count_shard(std::uint8_t first) const;

  std::shared_ptr<Tree> tree_;
  std::shared_ptr<ArtifactPins> pins_ = std::make_shared<ArtifactPins>();
  std::mutex mutex_;                                           ///< for the names of artifacts, and:
  std::array<std::optional<ArtifactStats>, 256> counts_ = {};  ///< by the first byte of the digest, once counted
};

/// invalid_argument: that is no media type.
Result<std::unique_ptr<ArtifactWriter>> make_writer(std::shared_ptr<Shelf> shelf, std::string_view media_type);

}  // namespace coremachine::files
