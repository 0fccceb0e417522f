#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <boost/version.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/version.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/register.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/resolve/task_resolver.hpp>

// A module is a shared library with jobs and tasks that `coremachine serve`, `run` and `worker` load at their start.
// One line in one of its files makes it one:
//
//   COREMACHINE_MODULE("examples.tasks", "1.0", [](coremachine::ModuleContext& context) {
//     context.tasks.add("extract_data", extract_data);
//   })
//
// What COREMACHINE_JOB and COREMACHINE_TASK register in its other files comes with it; without more than that, the
// function is left out: COREMACHINE_MODULE("examples.tasks", "1.0").
// In CMake: coremachine_add_module(etl SOURCES etl.cpp).

namespace coremachine {

/// What a module registers with.
struct ModuleContext {
  JobRegistry& jobs;
  TaskRegistry& tasks;
  TaskResolver& resolver;
};

/// What a module says of itself, in C, so that it can be read before anything else of it is relied on.
/// Members are only ever added at the end, and only with a new version.
struct ModuleDescriptor {
  static constexpr std::uint32_t current_version = 1;

  std::uint32_t descriptor_version;  ///< current_version
  std::uint32_t size;                ///< of this struct
  const char* name;                  ///< the `module` of references to its tasks
  const char* version;
  // What it was compiled with. All of it has to be what the program was compiled with.
  const char* engine_version;
  std::uint32_t boost_version;
  const char* abi;
  const char* stamp;  ///< the same as text
  /// Throws what is wrong. Null: all is registered by macros.
  void (*register_all)(ModuleContext& context);
};

#define COREMACHINE_DETAIL_STRING2(x) #x
#define COREMACHINE_DETAIL_STRING(x) COREMACHINE_DETAIL_STRING2(x)

/// What two objects have to have in common to share C++ types, besides the versions.
inline constexpr const char* module_abi =
#if defined(_LIBCPP_VERSION)
    "libc++"
#else
    "libstdc++"
#endif
#if defined(_GLIBCXX_USE_CXX11_ABI) && _GLIBCXX_USE_CXX11_ABI == 0
    " old strings"
#endif
#if defined(_GLIBCXX_DEBUG)
    " debug containers"
#endif
#if __SIZEOF_POINTER__ == 8
    " 64 bits"
#else
    " 32 bits"
#endif
    ;

/// What a module says of itself as lines, to be found in its file before any of its code is run.
struct ModuleStamp {
  static constexpr std::string_view magic = "coremachine module stamp\n";
  std::array<char, 640> text = {};
};

constexpr ModuleStamp stamp_module(std::string_view name, std::string_view version) {
  ModuleStamp stamp;
  std::size_t at = 0;
  for (const auto part :
       {ModuleStamp::magic, std::string_view("1\n"), std::string_view(engine_version),
        std::string_view("\n" COREMACHINE_DETAIL_STRING(BOOST_VERSION) "\n"), std::string_view(module_abi),
        std::string_view("\n"), name, std::string_view("\n"), version, std::string_view("\n")}) {
    for (const char c : part) stamp.text.at(at++) = c;  // one that is too long does not compile
  }
  return stamp;
}

constexpr ModuleDescriptor describe_module(const char* name, const char* version, const char* stamp,
                                           void (*register_all)(ModuleContext&) = nullptr) {
  return {ModuleDescriptor::current_version,
          sizeof(ModuleDescriptor),
          name,
          version,
          engine_version,
          BOOST_VERSION,
          module_abi,
          stamp,
          register_all};
}

}  // namespace coremachine

#define COREMACHINE_MODULE(name, version, ...)                                                       \
  extern "C" COREMACHINE_API const ::coremachine::ModuleDescriptor* coremachine_module_v1() {        \
    static constexpr auto stamp = ::coremachine::stamp_module(name, version);                        \
    static const ::coremachine::ModuleDescriptor descriptor =                                        \
        ::coremachine::describe_module(name, version, stamp.text.data() __VA_OPT__(, ) __VA_ARGS__); \
    return &descriptor;                                                                              \
  }                                                                                                  \
  static_assert(true, "a semicolon follows")
