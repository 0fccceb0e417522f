#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <coremachine/registry/artifacts.hpp>

#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// What one call of a handler has of the artifact store. Lives longer than whatever it gives out. One thread at a time.
class HandlerArtifacts final : public Artifacts {
 public:
  HandlerArtifacts(LargeValues& large, JobId job) : large_(large), job_(job) {}

  json::object keep(const json::value& value) override;
  std::unique_ptr<NewArtifact> begin(std::string_view media_type) override;
  std::unique_ptr<ArtifactContent> open(const ArtifactId& id) override;
  json::value load(const ArtifactReference& reference) override { return large_.load(reference); }
  std::shared_ptr<OutputRecords> output(std::uint32_t round, std::string_view name) override;
  json::object seal(std::uint32_t round, std::string_view name) override;

  /// What was stored since the last call: to be kept until what the handler returned is durable.
  ArtifactHolds take() { return std::exchange(holds_, {}); }
  bool used() const { return !holds_.empty(); }

 private:
  LargeValues& large_;
  JobId job_;
  ArtifactHolds holds_ = {};
};

}  // namespace coremachine::runtime
