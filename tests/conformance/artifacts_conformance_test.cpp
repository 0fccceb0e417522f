#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "tests/conformance/artifact_fixture.hpp"

namespace coremachine {

using namespace artifact_tests;

namespace {

constexpr std::string_view id_of_nothing = "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view id_of_abc = "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_SUITE("conformance: artifacts") {
  TEST_CASE_TEMPLATE("a new store is empty, and says so of everything", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    const auto id = id_from(id_of_abc);
    CHECK(must(store.list(std::nullopt, 10)).empty());
    CHECK(must(store.stats()).count == 0);
    CHECK(must(store.stats()).bytes == 0);
    CHECK(code_of(store.open(id)) == artifact_missing);
    CHECK(code_of(store.info(id)) == artifact_missing);
    CHECK(code_of(store.pin(id)) == artifact_missing);
    CHECK(code_of(store.remove(id)) == artifact_missing);
    const auto collected = must(store.collect(everything_before(start_time)));
    CHECK(collected.examined == 0);
    CHECK(!collected.next);
    CHECK(must(store.jobs_with_outputs()).empty());
  }

  TEST_CASE_TEMPLATE("what is stored comes back, under the hash of its content", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    CHECK(must(store.put("", text_type)).info.id.str() == id_of_nothing);
    CHECK(must(store.put("abc", text_type)).info.id.str() == id_of_abc);
    std::uint64_t bytes = 3;
    for (const std::size_t size : {1, 255, 256, 4096, 262'143, 262'144, 262'145, 1'000'000}) {
      CAPTURE(size);
      const auto content = random_bytes(size, size);
      const auto info = must(store.put(content, "application/octet-stream; v=1")).info;
      CHECK(info.size == size);
      CHECK(info.media_type == "application/octet-stream; v=1");
      CHECK(info.created_at == start_time);
      CHECK(must(store.info(info.id)) == info);
      CHECK(must(store.open(info.id))->info() == info);
      CHECK(content_of(store, info.id) == content);
      bytes += size;
    }
    CHECK(content_of(store, id_from(id_of_nothing)).empty());
    CHECK(must(store.stats()).count == 10);
    CHECK(must(store.stats()).bytes == bytes);
  }

  TEST_CASE_TEMPLATE("pieces of any size make the same artifact as the whole", Made, ALL_ARTIFACT_STORES) {
    Made made;
    const auto content = random_bytes(700'000, 7);
    const auto whole = must(made.store().put(content, text_type)).info;
    std::mt19937_64 random(11);
    for (const std::size_t largest : {100, 10'000, 300'000}) {
      CAPTURE(largest);
      auto writer = must(made.store().begin(text_type));
      for (std::size_t at = 0; at < content.size();) {
        const auto n = std::min<std::size_t>(random() % (largest + 1), content.size() - at);
        must(writer->write(std::string_view(content).substr(at, n)));
        at += n;
      }
      CHECK(must(writer->finish()).info == whole);
    }
    CHECK(content_of(made.store(), whole.id) == content);
  }

  TEST_CASE_TEMPLATE("what is not finished was never there", Made, ALL_ARTIFACT_STORES) {
    Made made;
    {
      auto writer = must(made.store().begin(text_type));
      must(writer->write("abc"));
    }
    CHECK(all_ids(made.store()).empty());
    CHECK(must(made.store().stats()).count == 0);
  }

  TEST_CASE_TEMPLATE("equal content is stored once; its media type stays, its age begins anew", Made,
                     ALL_ARTIFACT_STORES) {
    Made made;
    const auto first = must(made.store().put("abc", text_type)).info;
    made.clock().advance(minute);
    const auto second = must(made.store().put("abc", "application/json")).info;
    CHECK(second.id == first.id);
    CHECK(second.media_type == text_type);
    CHECK(second.created_at == start_time + minute);
    CHECK(must(made.store().info(first.id)) == second);
    CHECK(must(made.store().stats()).count == 1);
    CHECK(must(made.store().stats()).bytes == 3);
  }

  TEST_CASE_TEMPLATE("any range can be read, in any order", Made, ALL_ARTIFACT_STORES) {
    Made made;
    const std::string content = "0123456789";
    const auto id = must(made.store().put(content, text_type)).info.id;
    auto reader = must(made.store().open(id));
    CHECK(reader->size() == 10);
    for (std::uint64_t offset = 12; offset-- > 0;) {
      for (std::size_t n = 0; n < 13; ++n) {
        std::string got(16, '?');
        const auto size = must(reader->read(offset, got.data(), n));
        CHECK(got.substr(0, size) == (offset < 10 ? content.substr(offset, n) : ""));
        CHECK(got.find_first_not_of('?', size) == std::string::npos);
      }
    }
    CHECK(must(reader->read(UINT64_MAX, nullptr, 0)) == 0);
    CHECK(must(reader->read_all(10)) == content);
    CHECK(code_of(reader->read_all(9)) == ErrorCode::invalid_argument);
  }

  TEST_CASE_TEMPLATE("what is no media type is refused", Made, ALL_ARTIFACT_STORES) {
    Made made;
    const std::string longest = "a/" + std::string(198, 'b');
    for (const auto& wrong : std::vector<std::string>{"", "text", "text/pl\nain", "text/\xC3\xA9", longest + "b"}) {
      CAPTURE(wrong);
      CHECK(code_of(made.store().begin(wrong)) == ErrorCode::invalid_argument);
    }
    CHECK(must(made.store().put("x", longest)).info.media_type == longest);
  }

  TEST_CASE_TEMPLATE("pages of any size go through all ids in order", Made, ALL_ARTIFACT_STORES) {
    Made made;
    std::set<ArtifactId> stored;
    for (int i = 0; i < 300; ++i) stored.insert(must(made.store().put("c" + std::to_string(i), text_type)).info.id);
    const std::vector<ArtifactId> expected(stored.begin(), stored.end());
    for (const std::size_t limit : {1, 7, 299, 300, 301}) {
      CAPTURE(limit);
      std::vector<ArtifactId> found;
      std::optional<ArtifactId> after;
      while (true) {
        const auto page = must(made.store().list(after, limit));
        CHECK(page.size() <= limit);
        if (page.empty()) break;
        for (const auto& info : page) found.push_back(info.id);
        after = found.back();
      }
      CHECK(found == expected);
    }
  }

  TEST_CASE_TEMPLATE("removed is gone, but not from those who have it open", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    auto stored = must(store.put("abc", text_type));
    const auto id = stored.info.id;
    CHECK(code_of(store.remove(id)) == ErrorCode::wrong_state);
    auto second_pin = must(store.pin(id)).pin;
    stored.pin.reset();
    CHECK(code_of(store.remove(id)) == ErrorCode::wrong_state);
    auto copy = second_pin;
    auto reader = must(store.open(id));
    CHECK(must(store.stats()).count == 1);
    auto moved = std::move(copy);
    second_pin.reset();
    CHECK(code_of(store.remove(id)) == ErrorCode::wrong_state);
    moved.reset();
    must(store.remove(id));
    CHECK(code_of(store.open(id)) == artifact_missing);
    CHECK(code_of(store.remove(id)) == artifact_missing);
    CHECK(must(store.stats()).count == 0);
    CHECK(must(store.stats()).bytes == 0);
    CHECK(must(reader->read_all(3)) == "abc");
    CHECK(must(store.put("abc", "a/b")).info.media_type == "a/b");
  }

  TEST_CASE_TEMPLATE("collected is what is old, not pinned and not referred to", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    const auto old_id = must(store.put("old", text_type)).info.id;
    const auto referenced = must(store.put("referenced", text_type)).info.id;
    const auto pinned = must(store.put("pinned", text_type));
    const auto renewed = must(store.put("renewed", text_type)).info.id;
    made.clock().advance(minute);
    const auto young = must(store.put("young", text_type)).info.id;
    CHECK(must(store.put("renewed", text_type)).info.id == renewed);

    std::set<ArtifactId> asked;
    const auto collected = must(store.collect({.is_referenced =
                                                   [&](const ArtifactId& id) {
                                                     asked.insert(id);
                                                     return id == referenced;
                                                   },
                                               .older_than = made.clock().now()}));
    CHECK(collected.examined == 5);
    CHECK(collected.removed == 1);
    CHECK(collected.bytes == 3);
    CHECK(!collected.next);
    CHECK(asked == std::set{old_id, referenced});
    std::vector expected{referenced, pinned.info.id, renewed, young};
    std::sort(expected.begin(), expected.end());
    CHECK(all_ids(store) == expected);
    CHECK(must(store.stats()).count == 4);
  }

  TEST_CASE_TEMPLATE("of those that are named, no others are looked at", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    const auto old_id = must(store.put("old", text_type)).info.id;
    const auto other = must(store.put("other", text_type)).info.id;
    const auto referenced = must(store.put("referenced", text_type)).info.id;
    const auto pinned = must(store.put("pinned", text_type));
    std::vector<ArtifactId> asked;
    auto request = everything_before(start_time + minute);
    request.these = {pinned.info.id, old_id, referenced, id_from(id_of_nothing), old_id};
    request.max = 1;
    request.is_referenced = [&](const ArtifactId& id) {
      asked.push_back(id);
      return id == referenced;
    };
    const auto collected = must(store.collect(request));
    CHECK(collected.removed == 1);
    CHECK(collected.bytes == 3);
    CHECK(!collected.next);
    CHECK(asked == std::vector{old_id, referenced});
    std::vector expected{other, referenced, pinned.info.id};
    std::sort(expected.begin(), expected.end());
    CHECK(all_ids(store) == expected);
    CHECK(!store.broken());
  }

  TEST_CASE_TEMPLATE("slices of a collection look at each artifact once", Made, ALL_ARTIFACT_STORES) {
    Made made;
    for (int i = 0; i < 50; ++i) must(made.store().put("c" + std::to_string(i), text_type));
    std::vector<ArtifactId> asked;
    auto request = everything_before(start_time + minute);
    request.max = 7;
    request.is_referenced = [&](const ArtifactId& id) {
      asked.push_back(id);
      return asked.size() % 2 == 0;
    };
    const auto before = all_ids(made.store());
    std::uint64_t removed = 0;
    int calls = 0;
    do {
      const auto collected = must(made.store().collect(request));
      CHECK(collected.examined <= 7);
      removed += collected.removed;
      request.after = collected.next;
      ++calls;
    } while (request.after);
    CHECK(calls == 8);
    CHECK(removed == 25);
    CHECK(asked == before);
    CHECK(all_ids(made.store()).size() == 25);
  }

  TEST_CASE_TEMPLATE("what is stored or pinned while its references are looked up stays", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    const auto stored = must(store.put("stored again", text_type)).info.id;
    const auto pinned = must(store.put("pinned", text_type)).info.id;
    const auto left = must(store.put("left", text_type)).info.id;
    auto request = everything_before(start_time + minute);
    request.is_referenced = [&](const ArtifactId& id) {
      // Let go at once: that it was held is enough.
      if (id == stored) must(store.put("stored again", text_type));
      if (id == pinned) must(store.pin(pinned));
      return false;
    };
    CHECK(must(store.collect(request)).removed == 1);
    CHECK(code_of(store.info(left)) == artifact_missing);
    CHECK(all_ids(store).size() == 2);
    CHECK(must(store.collect(everything_before(start_time + minute))).removed == 2);
  }

  TEST_CASE_TEMPLATE("what the look-up of references throws ends the call and nothing else", Made,
                     ALL_ARTIFACT_STORES) {
    Made made;
    must(made.store().put("abc", text_type));
    auto request = everything_before(start_time + minute);
    request.is_referenced = [](const ArtifactId&) -> bool { throw std::runtime_error("no answer"); };
    CHECK_THROWS_AS(static_cast<void>(made.store().collect(request)), std::runtime_error);
    CHECK(all_ids(made.store()).size() == 1);
    CHECK(must(made.store().collect(everything_before(start_time + minute))).removed == 1);
  }

  TEST_CASE_TEMPLATE("what the store gave out may outlive it", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto stored = must(made.store().put("abc", text_type));
    auto reader = must(made.store().open(stored.info.id));
    auto writer = must(made.store().begin(text_type));
    auto output = must(made.store().output(some_job, "lines"));
    made.close();
    CHECK(must(reader->read_all(3)) == "abc");
    must(writer->write("abcd"));
    CHECK(must(writer->finish()).info.size == 4);
    CHECK(must(output->append("k", "1")) == 1);
    CHECK(must(output->seal()).info.size == 2);
    stored.pin.reset();
  }
}

TEST_SUITE("conformance: artifacts, any sequence") {
  TEST_CASE_TEMPLATE("agrees with a model", Made, ALL_ARTIFACT_STORES) {
    Made made;
    auto& store = made.store();
    struct Known {
      Timestamp created_at;
      std::string content;
    };
    std::map<ArtifactId, Known> model;
    std::multimap<ArtifactId, Pinned> pins;
    std::set<ArtifactId> referenced;
    std::mt19937_64 random(20'240'601);
    const auto pick = [&](const auto& container) { return std::next(container.begin(), random() % container.size()); };

    for (int step = 0; step < 1'000; ++step) {
      CAPTURE(step);
      switch (random() % 7) {
        case 0:
        case 1: {
          const auto content = "content " + std::to_string(random() % 20);
          auto stored = must(store.put(content, text_type));
          model[stored.info.id] = {made.clock().now(), content};
          if (random() % 2 == 0) pins.emplace(stored.info.id, std::move(stored));
          break;
        }
        case 2:
          if (!model.empty()) {
            const auto id = pick(model)->first;
            pins.emplace(id, must(store.pin(id)));
          }
          break;
        case 3:
          if (!pins.empty()) pins.erase(pick(pins));
          break;
        case 4:
          if (!model.empty()) {
            const auto id = pick(model)->first;
            if (random() % 2 == 0)
              referenced.insert(id);
            else
              referenced.erase(id);
          }
          break;
        case 5:
          if (!model.empty()) {
            const auto id = pick(model)->first;
            const auto removed = store.remove(id);
            CHECK(removed.has_value() == !pins.contains(id));
            if (removed) model.erase(id);
          }
          break;
        case 6: {
          const auto older_than = made.clock().now() - Milliseconds{random() % 40};
          std::uint64_t expected = 0;
          for (auto at = model.begin(); at != model.end();) {
            const bool goes =
                at->second.created_at < older_than && !pins.contains(at->first) && !referenced.contains(at->first);
            expected += goes ? 1 : 0;
            at = goes ? model.erase(at) : std::next(at);
          }
          CollectRequest request{.is_referenced = [&](const ArtifactId& id) { return referenced.contains(id); },
                                 .older_than = older_than,
                                 .max = 1 + random() % 5};
          std::uint64_t removed = 0;
          do {
            const auto collected = must(store.collect(request));
            removed += collected.removed;
            request.after = collected.next;
          } while (request.after);
          CHECK(removed == expected);
          break;
        }
      }
      made.clock().advance(Milliseconds{random() % 5});

      std::vector<ArtifactId> expected;
      std::uint64_t bytes = 0;
      for (const auto& [id, known] : model) {
        expected.push_back(id);
        bytes += known.content.size();
      }
      REQUIRE(all_ids(store) == expected);
      REQUIRE(must(store.stats()).count == model.size());
      REQUIRE(must(store.stats()).bytes == bytes);
    }
    for (const auto& [id, known] : model) {
      CHECK(content_of(store, id) == known.content);
      CHECK(must(store.info(id)).created_at == known.created_at);
    }
  }
}

}  // namespace coremachine
