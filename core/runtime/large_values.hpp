#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "core/ports/artifacts.hpp"

namespace coremachine::runtime {

/// Values that are too large for a job's row, in an artifact store that is opened when the first one comes. Any thread.
class LargeValues {
 public:
  using Open = std::function<Result<std::unique_ptr<ArtifactStore>>()>;
  explicit LargeValues(Open open) : open_(std::move(open)) {}

  /// The reference that stands for the value; durable when it returns. Throws Failure.
  boost::json::object keep(const boost::json::value& value);
  /// The content of an artifact; store_missing if there is none of this id.
  Result<std::string> read(const ArtifactId& id, std::uint64_t limit);
  /// Throws Failure.
  std::unique_ptr<ArtifactReader> open(const ArtifactId& id);

 private:
  ArtifactStore& store();

  const Open open_;
  std::mutex mutex_;
  std::unique_ptr<ArtifactStore> store_;
};

}  // namespace coremachine::runtime
