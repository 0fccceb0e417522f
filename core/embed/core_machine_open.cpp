#include <utility>

#include <coremachine/runtime/core_machine.hpp>

#include "core/embed/open_store.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {

CoreMachine::CoreMachine(MachineOptions options) {
  auto opened = embed::open_store(options.store);
  shell_ = std::make_shared<runtime::Shell>(
      runtime::ShellSetup{std::move(options), std::move(opened.store), std::move(opened.running_record), {}});
}

}  // namespace coremachine
