#include <coremachine/registry/artifacts.hpp>

#include <stdexcept>

namespace coremachine {

NewArtifact::~NewArtifact() = default;
ArtifactContent::~ArtifactContent() = default;
OutputRecords::~OutputRecords() = default;
Artifacts::~Artifacts() = default;

namespace {

ArtifactReference reference_in(const json::value& value) {
  const auto reference = parse_artifact_reference(value);
  if (!reference)
    throw Failure(
        Error{ErrorCode::invalid_argument,
              R"(this is no reference to an artifact: {"$artifact": id, "size": bytes, "media_type": type})"});
  return *reference;
}

}  // namespace

std::unique_ptr<ArtifactContent> ArtifactUser::open_artifact(const json::value& reference) const {
  return artifacts().open(reference_in(reference).id);
}

json::value ArtifactUser::artifact_value(const json::value& reference) const {
  return artifacts().load(reference_in(reference));
}

Artifacts& ArtifactUser::artifacts() const {
  if (!artifacts_) throw std::logic_error("there is no store for artifacts here");
  return *artifacts_;
}

}  // namespace coremachine
