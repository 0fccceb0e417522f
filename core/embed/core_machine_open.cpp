#include <utility>

#include <coremachine/runtime/core_machine.hpp>

#include "core/embed/open_store.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {

CoreMachine::CoreMachine(MachineOptions options) {
  auto opened = embed::open_store(options.store);
  runtime::ShellSetup setup;
  setup.options = std::move(options);
  setup.store = std::move(opened.store);
  setup.running_record = std::move(opened.running_record);
  setup.open_artifacts = std::move(opened.open_artifacts);
  shell_ = std::make_shared<runtime::Shell>(std::move(setup));
}

}  // namespace coremachine
