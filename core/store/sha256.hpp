#pragma once

#include <memory>
#include <string_view>

#include <coremachine/model/artifact.hpp>

namespace coremachine {

/// SHA-256 of what comes piece by piece. Throws std::runtime_error if the cryptographic library cannot do it.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// Of all since the beginning, or since the last call.
  ArtifactId::Digest finish();
  /// Forgets what came.
  void restart();

  static ArtifactId::Digest of(std::string_view bytes);

 private:
  struct Free {
    void operator()(void* context) const noexcept;
  };
  std::unique_ptr<void, Free> context_;
};

}  // namespace coremachine
