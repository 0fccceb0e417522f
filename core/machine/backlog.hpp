#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/job.hpp"

namespace coremachine::machine {

/// What waits to be handed out, by task type, of all jobs: kept up to date as jobs change, so that nobody has to go
/// through them to know.
class Backlog {
  struct Waiting {
    const Job* job = nullptr;
    std::size_t spec = 0;
    Timestamp since{};  ///< of the one that waited longest when the job came
  };
  struct Type {
    std::uint64_t depth = 0;
    std::list<Waiting> jobs = {};  ///< in the order in which they came
  };

 public:
  /// What one job has in it, kept beside the job. The job stays where it is until it was taken out.
  class Share {
    friend class Backlog;
    struct Part {
      Type* type = nullptr;
      std::uint64_t count = 0;
      std::list<Waiting>::iterator place = {};
    };
    RoundNumber round = 0;
    std::vector<Part> parts = {};  ///< one for each spec of the round
  };

  /// To be called after anything that may have changed what of the job may be handed out.
  void update(const Job& job, Share& share);
  void take_out(Share& share);

  struct Depth {
    std::uint64_t tasks = 0;
    std::optional<Timestamp> oldest = {};  ///< since when the one that waits longest has been allowed to run
  };
  /// Types of which nothing waits may be missing.
  std::map<std::string, Depth> depths() const;

 private:
  void set(Share::Part& part, const Job& job, std::size_t spec, std::uint64_t count);

  std::map<std::string, Type, std::less<>> types_;
};

}  // namespace coremachine::machine
