#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "core/machine/engine.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::machine;

Setting setting(const char* name, const char* value) {
  return {"kind", name, value ? make_text(value) : nullptr};
}

/// The requests that were answered since.
std::vector<RequestId> answered(Engine& engine) {
  std::vector<RequestId> requests;
  for (const auto& action : engine.take_actions()) {
    const auto& answer = std::get<Answer>(action);
    CHECK_FALSE(answer.error.has_value());
    requests.push_back(answer.request);
  }
  return requests;
}

}  // namespace

TEST_SUITE("machine: settings") {
  TEST_CASE("they are answered when they are durable, in order, and so is what only waits for them") {
    Engine engine(EngineSetup{});
    const Now now;
    engine.set({}, 1);
    CHECK(answered(engine) == std::vector<RequestId>{1});  // nothing is open
    engine.set({setting("a", "1"), setting("b", "1")}, 2);
    engine.set({}, 3);
    CHECK(engine.has_writes());
    const auto first = engine.close_batch();
    REQUIRE(first.settings.size() == 2);
    engine.set({setting("a", "2")}, 4);
    CHECK(answered(engine).empty());
    engine.committed(now, first.sequence);
    CHECK(answered(engine) == std::vector<RequestId>{2, 3});
    const auto second = engine.close_batch();
    REQUIRE(second.settings.size() == 1);
    CHECK(*second.settings[0].value == "2");
    engine.committed(now, second.sequence);
    CHECK(answered(engine) == std::vector<RequestId>{4});
  }

  TEST_CASE("one that is set again before it was written is written once") {
    Engine engine(EngineSetup{});
    for (int i = 0; i < 1000; ++i) {
      engine.set({setting("a", std::to_string(i).c_str()), setting("b", i % 2 ? nullptr : "x")},
                 static_cast<RequestId>(i));
    }
    const auto batch = engine.close_batch();
    REQUIRE(batch.settings.size() == 2);
    CHECK(*batch.settings[0].value == "999");
    CHECK_FALSE(batch.settings[1].value);
    engine.committed(Now{}, batch.sequence);
    CHECK(answered(engine).size() == 1000);
    engine.set({setting("a", "new")}, 1);
    CHECK(engine.close_batch().settings.size() == 1);
  }
}
