// Does not compile, and the compiler says why in words.
#include <coremachine/coremachine.hpp>

struct Half : coremachine::JobHandler {
  std::vector<coremachine::TaskDefinition> create_stage_tasks(int, const coremachine::JobContext&) const override {
    return {};
  }
};

void register_half(coremachine::JobRegistry& jobs) {
  jobs.add<Half>("half");
}
