// What is read of a module before any of its code is run.

#include <string>

#include <doctest/doctest.h>
#include <boost/version.hpp>

#include <coremachine/module/module.hpp>

#include "core/module/stamp.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::module;

std::string stamped(std::string_view name, std::string_view version) {
  const auto stamp = stamp_module(name, version);
  return "\177ELF bytes" + std::string(stamp.text.data(), stamp.text.size()) + "more bytes";
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string misfit(const std::string& bytes) {
  const auto stamp = find_stamp(bytes);
  REQUIRE(stamp);
  return misfit_of(*stamp).value_or("none");
}

TEST_SUITE("module stamp") {
  TEST_CASE("a module of this build is found and fits") {
    const auto stamp = find_stamp(stamped("examples.tasks", "1.0"));
    REQUIRE(stamp);
    CHECK(stamp->name == "examples.tasks");
    CHECK(stamp->version == "1.0");
    CHECK(stamp->engine_version == engine_version);
    CHECK(stamp->boost_version == BOOST_VERSION);
    CHECK(stamp->abi == module_abi);
    CHECK_FALSE(misfit_of(*stamp));
  }

  TEST_CASE("what was built for something else does not fit, and says for what") {
    const auto bytes = stamped("a", "1");
    const auto boost = std::to_string(BOOST_VERSION);
    const auto engine = std::string("\n") + engine_version + "\n";
    CHECK(misfit(replaced(bytes, engine, "\n99.1.0\n")).find("built for CoreMachine 99.1.0") != std::string::npos);
    CHECK(misfit(replaced(bytes, boost, "107400")).find("Boost 1.74.0") != std::string::npos);
    CHECK(misfit(replaced(bytes, module_abi, "libc++ 64 bits")).find("libc++ 64 bits") != std::string::npos);
    CHECK(misfit(replaced(bytes, "stamp\n1\n", "stamp\n2\n")).find("in version 2") != std::string::npos);
    CHECK(misfit(stamped("a b", "1")).find("a name is") != std::string::npos);
  }

  TEST_CASE("a patch of the engine does no harm") {
    std::string version = engine_version;
    version.replace(version.rfind('.') + 1, std::string::npos, "77");
    const auto engine = std::string("\n") + engine_version + "\n";
    CHECK(misfit(replaced(stamped("a", "1"), engine, "\n" + version + "\n")) == "none");
  }

  TEST_CASE("what is no module has no stamp") {
    CHECK_FALSE(find_stamp(""));
    CHECK_FALSE(find_stamp("\177ELF and nothing else"));
    CHECK_FALSE(find_stamp(std::string(ModuleStamp::magic)));
    CHECK_FALSE(find_stamp(std::string(ModuleStamp::magic) + "x\ny\n"));
    const auto whole = stamped("name", "1");
    const auto end = whole.find("name\n1\n") + 7;
    for (std::size_t length = 0; length < end; ++length) CHECK_FALSE(find_stamp(whole.substr(0, length)));
    CHECK(find_stamp(whole.substr(0, end)));
    // The word alone, as it is in the loader, hides nothing that comes later.
    CHECK(find_stamp(std::string(ModuleStamp::magic) + '\0' + whole));
  }
}

}  // namespace
