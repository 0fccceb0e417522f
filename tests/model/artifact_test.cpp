#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <coremachine/model/artifact.hpp>
#include <coremachine/model/error.hpp>

#include "core/model/json_text.hpp"

namespace coremachine {

namespace {

/// The n-th of many ids.
ArtifactId id_of(std::uint64_t n) {
  ArtifactId id;
  for (auto& byte : id.digest) {
    n = n * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::uint8_t>(n >> 56U);
  }
  return id;
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

void walk(const json::value& value, std::vector<ArtifactId>& found) {
  if (const auto* array = value.if_array()) {
    for (const auto& element : *array) walk(element, found);
  } else if (const auto* object = value.if_object()) {
    for (const auto& [key, inner] : *object) {
      if (key == "$artifact" && inner.is_string()) {
        if (const auto id = ArtifactId::parse(std::string(inner.get_string()))) found.push_back(*id);
      }
      walk(inner, found);
    }
  }
}

/// A random value, made of what could be taken for a reference and what is one.
json::value random_value(std::mt19937_64& random, int depth) {
  const auto id = id_of(random() % 10).str();
  const auto kind = depth > 4 ? random() % 5 : depth < 2 ? 5 + random() % 4 : random() % 9;
  switch (kind) {
    case 0: return nullptr;
    case 1: return random() % 100;
    case 2: return json::value(id);
    case 3: return json::value("{\"$artifact\":\"" + id + "\"}\n");
    case 4: return json::value("$artifact");
    case 5:
    case 6: {
      json::array array;
      for (auto n = random() % 4; n > 0; --n) array.push_back(random_value(random, depth + 1));
      return array;
    }
    default: {
      constexpr std::string_view keys[] = {"$artifact", "$artifac", "$artifactx", "size", "\"$artifact\":", "a\nb"};
      json::object object;
      for (auto n = random() % 6; n > 0; --n) {
        object.emplace(keys[random() % std::size(keys)], random_value(random, depth + 1));
      }
      return object;
    }
  }
}

/// Every character of every string as an escape: the same JSON, written as differently as can be.
std::string escaped(const std::string& text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  bool is_inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      is_inside = !is_inside;
    } else if (is_inside && c == '\\') {
      out += c;
      out += text[++i];
      continue;
    } else if (is_inside) {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += hex[byte >> 4U];
      out += hex[byte & 15U];
      continue;
    }
    out += c;
  }
  return out;
}

}  // namespace

TEST_SUITE("artifact") {
  TEST_CASE("an id and its text are the same thing") {
    std::unordered_set<ArtifactId> different;
    for (std::uint64_t n = 0; n < 200; ++n) {
      const auto id = id_of(n);
      const auto text = id.str();
      CHECK(text.size() == 71);
      CHECK(ArtifactId::parse(text) == id);
      CHECK((id < id_of(n + 1)) == (text < id_of(n + 1).str()));
      CHECK(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
      different.insert(id);
    }
    CHECK(different.size() == 200);
    CHECK(ArtifactId{}.str() == "sha256-" + std::string(64, '0'));
  }

  TEST_CASE("no other text is an id") {
    const auto text = id_of(1).str();
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char c : {'g', 'A', 'F', ' ', '/', '\0', '`', ':', '\xE9'}) {
        auto wrong = text;
        wrong[at] = c;
        CHECK(!ArtifactId::parse(wrong));
      }
      CHECK(!ArtifactId::parse(text.substr(0, at)));
    }
    CHECK(!ArtifactId::parse(text + "0"));
    CHECK(!ArtifactId::parse(" " + text));
    CHECK(!ArtifactId::parse(text.substr(7)));
  }

  TEST_CASE("a reference goes through JSON and back") {
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40U, UINT64_MAX}) {
      const ArtifactInfo info{id_of(size), size, "text/plain; charset=\"x\"", Timestamp{Milliseconds{5}}};
      const auto reference = reference_to(info);
      const auto text = json::serialize(to_json(reference));
      CHECK(parse_artifact_reference(json::parse(text)) == reference);
      CHECK(is_artifact_reference(to_json(reference)));
      CHECK(find_references(text) == std::vector{info.id});
    }
    const auto text = json::serialize(to_json(ArtifactReference{id_of(1), 7, "a/b"}));
    CHECK(text == "{\"$artifact\":\"" + id_of(1).str() + "\",\"size\":7,\"media_type\":\"a/b\"}");
  }

  TEST_CASE("a reference in the place of a value is told from one that somebody made") {
    auto reference = ArtifactReference{id_of(7), 12, "application/json", true};
    const auto automatic = to_json(reference);
    CHECK(automatic.size() == 4);
    CHECK(parse_artifact_reference(automatic) == reference);
    CHECK(parse_automatic_reference(automatic) == reference);
    CHECK(parse_automatic_reference(json::value(automatic)) == reference);
    reference.automatic = false;
    CHECK(parse_artifact_reference(to_json(reference)) == reference);
    CHECK(!parse_automatic_reference(to_json(reference)));
    CHECK(!parse_automatic_reference(json::value(7)));
    for (const json::value& other : {json::value(false), json::value(1), json::value("true"), json::value(nullptr)}) {
      auto wrong = automatic;
      wrong["automatic"] = other;
      CHECK(!parse_artifact_reference(wrong));
      CHECK(!parse_automatic_reference(wrong));
    }
    auto renamed = to_json(reference);
    renamed["something"] = true;
    CHECK(!parse_artifact_reference(renamed));
  }

  TEST_CASE("references are found in text that comes in pieces of any size") {
    const json::value value{{"a", to_json(ArtifactReference{id_of(3), 1, "a/b"})},
                            {"b", json::array{to_json(ArtifactReference{id_of(1), 1, "a/b", true}), "$artifact"}}};
    const auto text = json::serialize(value);
    for (std::size_t size = 1; size <= text.size(); ++size) {
      ReferenceSearch search;
      for (std::size_t at = 0; at < text.size(); at += size) search.add(std::string_view(text).substr(at, size));
      CHECK(search.finish() == find_references(text));
    }
    CHECK(find_references(text).size() == 2);
    ReferenceSearch cut;
    cut.add(std::string_view(text).substr(0, text.size() - 1));
    CHECK_THROWS_AS(cut.finish(), Failure);
  }

  TEST_CASE("what is nearly a reference is none") {
    const auto id = quoted(id_of(1).str());
    for (const auto& text : std::vector<std::string>{
             std::string("null"),
             std::string("[]"),
             std::string("{}"),
             id,
             "{\"$artifact\":" + id + "}",
             "{\"$artifact\":" + id + ",\"size\":1}",
             "{\"$artifact\":" + id + ",\"media_type\":\"a/b\"}",
             "{\"$artifact\":" + id + ",\"size\":-1,\"media_type\":\"a/b\"}",
             "{\"$artifact\":" + id + ",\"size\":1.0,\"media_type\":\"a/b\"}",
             "{\"$artifact\":" + id + ",\"size\":\"1\",\"media_type\":\"a/b\"}",
             "{\"$artifact\":" + id + ",\"size\":1,\"media_type\":null}",
             "{\"$artifact\":" + id + ",\"size\":1,\"media_type\":\"ab\"}",
             "{\"$artifact\":" + id + ",\"size\":1,\"media_type\":\"a/b\",\"more\":1}",
             "{\"$artifact\":\"sha256-00\",\"size\":1,\"media_type\":\"a/b\"}",
             "{\"$artifact\":1,\"size\":1,\"media_type\":\"a/b\"}",
             "{\"artifact\":" + id + ",\"size\":1,\"media_type\":\"a/b\"}",
         }) {
      CAPTURE(text);
      CHECK(!is_artifact_reference(json::parse(text)));
    }
  }

  TEST_CASE("media types") {
    for (const auto* right : {"a/b", "application/json", "text/plain; charset=utf-8", "/"}) CHECK(is_media_type(right));
    for (const auto* wrong : {"", "a", "a/b\r\nX: y", "a/\t", "a/\xC3\xA9", "a/\x7F"}) CHECK(!is_media_type(wrong));
    CHECK(is_media_type("/" + std::string(199, 'a')));
    CHECK(!is_media_type("/" + std::string(200, 'a')));
  }
}

TEST_SUITE("artifact: references in a text") {
  TEST_CASE("found wherever they stand, ascending, each once") {
    const auto one = id_of(1);
    const auto two = id_of(2);
    const auto member = [](const ArtifactId& id) { return "\"$artifact\":" + quoted(id.str()); };
    auto both = std::vector{one, two};
    std::sort(both.begin(), both.end());
    CHECK(find_references("{" + member(one) + "}") == std::vector{one});
    CHECK(find_references(" [ 1 , { \"a\" : [ { \"size\" : 1 , \"$artifact\" :\n\t" + quoted(one.str()) + " } , {" +
                          member(two) + "} ] } , {" + member(one) + "} ] ") == both);
    CHECK(find_references("{\"$artifact\":{" + member(two) + "},\"x\":1}") == std::vector{two});
    CHECK(find_references("{\"\\u0024artifact\":" + quoted(one.str()) + "}") == std::vector{one});
    CHECK(find_references("{\"$\\u0061rtifact\":\"\\u0073" + one.str().substr(1) + "\"}") == std::vector{one});
    CHECK(find_references(std::string(60, '[') + "{" + member(one) + "}" + std::string(60, ']')) == std::vector{one});
  }

  TEST_CASE("what only looks like one is none") {
    const auto id = id_of(1).str();
    for (const auto& text : std::vector<std::string>{
             "\"{\\\"$artifact\\\":\\\"" + id + "\\\"}\"",
             "[\"$artifact\"," + quoted(id) + "]",
             "{\"x\":\"$artifact\",\"y\":" + quoted(id) + "}",
             "{\"$artifact\":[" + quoted(id) + "]}",
             "{\"$artifact\":1,\"x\":" + quoted(id) + "}",
             "{\"$artifact\":null}",
             "{\"$artifact\":" + quoted(id + "0") + "}",
             "{\"$artifact\":" + quoted(std::string(100'000, 's')) + "}",
             "{\"$artifactx\":" + quoted(id) + "}",
             "{\"x$artifact\":" + quoted(id) + "}",
             "{\"\\\\u0024artifact\":" + quoted(id) + "}",
             "{\"" + std::string(100'000, '$') + "$artifact\":" + quoted(id) + "}",
         }) {
      CAPTURE(text.substr(0, 200));
      CHECK(find_references(text).empty());
    }
  }

  TEST_CASE("text that is no JSON is not taken for text without references") {
    const auto member = "\"$artifact\":" + quoted(id_of(1).str());
    for (const auto& text :
         std::vector<std::string>{"{" + member, "{" + member + "}}", "{" + member + ",}", member, "{\"$artifact\":\"",
                                  "{" + member + "} {}", std::string(200, '[') + "{" + member + "}"}) {
      CAPTURE(text);
      CHECK_THROWS_AS(static_cast<void>(find_references(text)), Failure);
    }
    CHECK(find_references("").empty());
    CHECK(find_references("[1,2,{\"a\":\"artifact\"}]").empty());
  }

  TEST_CASE("as many as a walk through the parsed value finds, however the text is written") {
    std::mt19937_64 random(5);
    std::size_t total = 0;
    for (int i = 0; i < 2'000; ++i) {
      const auto value = random_value(random, 0);
      std::vector<ArtifactId> expected;
      walk(value, expected);
      std::sort(expected.begin(), expected.end());
      expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
      std::string text;
      REQUIRE(!append_json(text, value));
      CAPTURE(text);
      REQUIRE(find_references(text) == expected);
      REQUIRE(json::parse(escaped(text)) == value);
      REQUIRE(find_references(escaped(text)) == expected);
      total += expected.size();
    }
    CHECK(total > 200);
  }
}

}  // namespace coremachine
