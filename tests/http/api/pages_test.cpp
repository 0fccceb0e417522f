#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"
#include "triggers/http/pages/page_files.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

using Fields = std::vector<http::Field>;

std::string asset_path(std::string_view ending) {
  for (const auto& file : http::page_files()) {
    if (file.path.ends_with(ending)) return std::string(file.path);
  }
  return {};
}

}  // namespace

TEST_SUITE("http: the dashboard") {
  TEST_CASE("every file of it is answered, as it is or compressed") {
    ApiFixture world;
    REQUIRE(http::page_files().size() == 5);
    for (const auto& file : http::page_files()) {
      CAPTURE(file.path);
      const auto plain = world.get(std::string(file.path));
      CHECK(plain.status == 200);
      CHECK(plain.body == file.plain);
      CHECK(!plain.body.empty());
      CHECK(ApiFixture::field(plain, "Content-Encoding").empty());
      CHECK(ApiFixture::field(plain, "Content-Type") == file.media_type);
      const auto packed = world.ask("GET", std::string(file.path), {}, Fields{{"accept-encoding", "br, gzip"}});
      CHECK(packed.body == file.gzip);
      CHECK(packed.body.starts_with("\x1f\x8b"));
      CHECK(ApiFixture::field(packed, "Content-Encoding") == "gzip");
      CHECK(ApiFixture::field(packed, "ETag") != ApiFixture::field(plain, "ETag"));
      for (const auto& answer : {plain, packed}) {
        CHECK(ApiFixture::field(answer, "Vary") == "Accept-Encoding");
        CHECK(ApiFixture::field(answer, "X-Content-Type-Options") == "nosniff");
        CHECK(ApiFixture::field(answer, "Content-Security-Policy").starts_with("default-src 'none'; "));
      }
    }
  }

  TEST_CASE("a client that has it is told so") {
    ApiFixture world;
    const auto tag = ApiFixture::field(world.get("/"), "ETag");
    const auto ask = [&](const std::string& known, const std::string& encoding) {
      return world.ask("GET", "/", {}, Fields{{"if-none-match", known}, {"accept-encoding", encoding}});
    };
    const auto known = ask(tag, "identity");
    CHECK(known.status == 304);
    CHECK(known.body.empty());
    CHECK(ApiFixture::field(known, "ETag") == tag);
    CHECK(ask("\"other\", " + tag, "").status == 304);
    CHECK(ask("\"other\"", "").status == 200);
    CHECK(ask(tag, "gzip").status == 200);  // these are other bytes
  }

  TEST_CASE("gzip is sent to those who take it") {
    ApiFixture world;
    const auto path = asset_path("/main.js");
    REQUIRE(!path.empty());
    const auto encoding = [&](const std::string& accepted) {
      return ApiFixture::field(world.ask("GET", path, {}, Fields{{"accept-encoding", accepted}}), "Content-Encoding");
    };
    for (const auto* accepted : {"gzip", "gzip, deflate, br", "deflate,gzip;q=1.0", "gzip;q=0.5"}) {
      CAPTURE(accepted);
      CHECK(encoding(accepted) == "gzip");
    }
    for (const auto* accepted : {"", "identity", "br", "gzip;q=0", "gzip;q=0.0, br"}) {
      CAPTURE(accepted);
      CHECK(encoding(accepted).empty());
    }
  }

  TEST_CASE("the page names its files, which never change; there are no others") {
    ApiFixture world;
    const auto page = world.get("/").body;
    const auto version = asset_path("/main.js").substr(1);
    CHECK(page.find("src=\"" + version + "\"") != std::string::npos);
    CHECK(page.find('@') == std::string::npos);
    std::size_t named = 0;
    for (const auto& file : http::page_files()) {
      if (file.path == "/") continue;
      CAPTURE(file.path);
      CHECK(ApiFixture::field(world.get(std::string(file.path)), "Cache-Control") ==
            "public, max-age=31536000, immutable");
      CHECK(page.find("\"" + std::string(file.path.substr(1)) + "\"") != std::string::npos);
      ++named;
    }
    CHECK(named + 1 == http::page_files().size());
    CHECK(ApiFixture::field(world.get("/"), "Cache-Control") == "no-cache");
    for (const std::string path : {"/assets/0/main.js", "/assets/0/lib/dom.js", "/assets/..%2e/passwd"}) {
      CAPTURE(path);
      CHECK(world.get(path).status == 404);
    }
    CHECK(world.get("/assets/..%2f..%2fetc/passwd").status == 400);
  }

  TEST_CASE("its files need no role, and take no other method") {
    http::ApiOptions options;
    options.access = [](const http::Request&, std::optional<http::Role> needed) -> std::optional<http::Refusal> {
      if (!needed) return std::nullopt;
      return http::Refusal{.status = 401, .detail = "a token is due"};
    };
    ApiFixture world(std::move(options));
    http::Request head;
    head.method = "GET";
    for (const auto& file : http::page_files()) {
      head.target = std::string(file.path);
      CHECK(!world.api->admit(head));
    }
    head.target = "/api/v1/stats";
    CHECK(world.api->admit(head)->status == 401);
    CHECK(world.ask("POST", "/", "{}").status == 405);
  }
}
