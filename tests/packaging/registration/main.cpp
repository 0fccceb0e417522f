// registration present|absent [MODULE]: loads the module, if there is one, and runs the job that jobs.cpp registers.
#include <dlfcn.h>

#include <iostream>
#include <string_view>

#include <coremachine/coremachine.hpp>

int main(int argc, char** argv) {
  using namespace coremachine;
  const bool present = argc > 1 && std::string_view(argv[1]) == "present";
  if (argc > 2) {
    if (JobRegistry::instance().contains("doubling")) {
      std::cerr << "registered before the module is loaded\n";
      return 1;
    }
    if (!dlopen(argv[2], RTLD_NOW)) {
      std::cerr << dlerror() << '\n';
      return 1;
    }
  }
  const bool job = JobRegistry::instance().contains("doubling");
  const bool task = TaskRegistry::instance().contains("double");
  if (job != present || task != present) {
    std::cerr << "job registered: " << job << ", task registered: " << task << ", expected: " << present << '\n';
    return 1;
  }
  if (!present) return 0;
  CoreMachine machine;
  const JobView view = machine.run("doubling", {{"number", 21}}).value();
  std::cout << to_json(view) << '\n';
  return view.result == boost::json::object{{"doubled", 42}} ? 0 : 1;
}
