#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "core/model/artifact_holds.hpp"
#include "core/model/text.hpp"
#include "core/ports/artifacts.hpp"

namespace coremachine::runtime {

/// What went wrong with an artifact. store_full, store_failed: it could not be kept or read; store_damaged: what a text
/// of a job names is missing, or not what was stored.
class ArtifactFailure : public Failure {
 public:
  using Failure::Failure;
};

/// Values that are too large for the rows of their jobs, in an artifact store that is opened when the first one comes.
/// Any thread. Where there is no artifact store, all values stay where they are. Functions throw ArtifactFailure.
class LargeValues {
 public:
  /// `must_exist`: none is made; store_missing.
  using Open = std::function<Result<std::unique_ptr<ArtifactStore>>(bool must_exist)>;
  struct Setup {
    Open open = {};
    std::size_t limit = std::size_t{1} << 20U;               ///< bytes of text: what has more is large
    std::function<void()> opened = {};                       ///< called once
    std::function<void(const Error&)> broke = {};            ///< the artifact store takes nothing more
    std::function<void(std::string_view)> fault_point = {};  ///< called before and after content is stored, by tests
  };
  explicit LargeValues(Setup setup) : setup_(std::move(setup)) {}
  LargeValues(const LargeValues&) = delete;
  LargeValues& operator=(const LargeValues&) = delete;

  std::size_t limit() const { return setup_.open ? setup_.limit : SIZE_MAX; }

  /// Appends the JSON text of a value, or of the reference that stands for it if it has more than `limit` bytes; what
  /// either names is held. Returns what JSON cannot say of the value; then `out` is as it was.
  std::optional<std::string> append(std::string& out, const json::value& value, std::size_t limit,
                                    ArtifactHolds& holds);
  std::optional<std::string> append(std::string& out, const json::object& object, std::size_t limit,
                                    ArtifactHolds& holds);
  /// Holds every artifact that a text of ours names. One that is not there is no artifact of this store: the text says
  /// something of another.
  void hold_named(std::string_view text, ArtifactHolds& holds);

  /// The text of the value becomes an artifact, written as it is made. Throws Failure (handler_contract) besides: it
  /// is no JSON.
  ArtifactInfo keep(const json::value& value, ArtifactHolds& holds);
  /// The value that a reference stands for, checked.
  json::value load(const ArtifactReference& reference);
  /// The value itself, where the text is that of a reference in its place.
  json::value value_of(const Text& text);

  std::unique_ptr<ArtifactWriter> begin(std::string_view media_type);
  std::unique_ptr<ArtifactReader> open(const ArtifactId& id);
  std::shared_ptr<ArtifactAppender> output(JobId job, std::string_view name);
  /// Of what an ArtifactWriter or ArtifactAppender came to.
  template <class T>
  T checked(Result<T> result) {
    if (!result) fail(result.error());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }

  /// The artifact store, if it is open, or was made in an earlier life.
  std::shared_ptr<ArtifactStore> store_if_there();
  /// How often something was stored.
  std::uint64_t stored() const { return stored_.load(std::memory_order_relaxed); }
  /// Nothing is kept or read any more, and another machine may open the artifact store.
  void close();

 private:
  template <class Value>
  std::optional<std::string> append_any(std::string& out, const Value& value, std::size_t limit, ArtifactHolds& holds);
  template <class Value>
  std::optional<ArtifactInfo> store_text(const Value& value, ArtifactHolds& holds);
  void hold_nested(const ArtifactId& id, ArtifactHolds& holds);
  std::shared_ptr<ArtifactStore> store(bool must_exist);
  [[noreturn]] void fail(const Error& error);
  void reach(std::string_view point) const {
    if (setup_.fault_point) setup_.fault_point(point);
  }

  const Setup setup_;
  std::mutex mutex_;
  std::shared_ptr<ArtifactStore> store_;
  /// Outputs that were asked for last, the latest first: opening one means reading it through.
  std::list<std::shared_ptr<ArtifactAppender>> recent_outputs_;
  bool closed_ = false;
  std::atomic<bool> told_{false};
  std::atomic<std::uint64_t> stored_{0};
};

}  // namespace coremachine::runtime
