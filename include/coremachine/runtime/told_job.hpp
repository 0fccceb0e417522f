#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <coremachine/export.hpp>
#include <coremachine/model/view.hpp>

namespace coremachine {

struct Job;

/// A job as it was when it was told. Its values are texts still: whoever wants them parsed does it where there is time,
/// and not on the thread that told.
class COREMACHINE_API ToldJob {
 public:
  explicit ToldJob(std::shared_ptr<const Job> job);

  const JobId& id() const;
  JobStatus status() const;
  bool has_error() const;
  /// Its params or its result may be artifacts, or name some.
  bool names_artifacts() const;
  /// Parses its values.
  JobView view() const;
  /// The text of `to_json(view())`, without parsing them.
  std::string text() const;
  /// How long that is, about.
  std::size_t text_size() const;

 private:
  std::shared_ptr<const Job> job_;
};

}  // namespace coremachine
