#pragma once

#include <coremachine/export.hpp>

namespace coremachine {

struct TaskDefinition;

/// Where a lazy stage puts its next tasks, in the order of their indexes.
class COREMACHINE_API TaskSink {
 public:
  virtual ~TaskSink();
  virtual void add(const TaskDefinition& task) = 0;
  /// It is enough for now. What is added beyond is taken too, but waits in memory for a machine to be free.
  virtual bool full() const = 0;
};

}  // namespace coremachine
