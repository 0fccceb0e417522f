#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/testing/lone_shell.hpp"

namespace coremachine::golden {

/// A scenario played on the engine, written down as a person would follow it: what is done, and every action and every
/// write that follows from it, in order.
///
///   submit TYPE JSON    accepted when durable; jobs are called j1, j2, …   `run` in its place: answered at the end
///   follow jN · cancel jN · pause jN · resume jN · redrive jN · await jN
///   boundary · slice    run the first that is out and deliver its outcome; `late` after it: keep it for `deliver`
///   slices              run and deliver what is out, and what is handed out thereupon, until nothing is
///   deliver             deliver what was kept; it may come as often as one likes
///   commit              close the open batch, write it, acknowledge it
///   full · space        the disk is full, has space again
///   tick N              N milliseconds pass
///   crash [TASK [alone]] the process dies; TASK of j1's round was running, alone or not
///   show jN             the job as it is
class Transcript {
 public:
  Transcript();
  ~Transcript();
  /// What follows from the command, a line each.
  std::vector<std::string> play(const std::string& command);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::golden
