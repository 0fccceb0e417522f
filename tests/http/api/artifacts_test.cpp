#include <string>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"
#include "tests/support/empty_job.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

/// Its result is a reference to a text of so many characters.
struct LargeJob : support::EmptyJob {
  json::object get_final_result(const JobContext& context) const override {
    const auto size = context.job_params().at("size").to_number<std::size_t>();
    std::string text;
    while (text.size() < size) text += std::to_string(text.size()) + " ";
    return {{"text", context.artifact(json::value(text))}};
  }
};

struct World : ApiFixture {
  World() : ApiFixture({}, {}, [](JobRegistry& job_types, TaskRegistry&) { job_types.add<LargeJob>("large"); }) {}

  json::object reference_of(std::size_t size) {
    const auto job = json_of(post("/api/v1/jobs/large?wait=60s", R"({"size": )" + std::to_string(size) + "}"));
    return job.at("result").at("text").as_object();
  }
  std::string store(const std::string& media_type, const std::string& content) {
    const auto answer = ask("POST", "/api/v1/artifacts", content, {{"content-type", media_type}});
    REQUIRE(answer.status == 201);
    return text(json_of(answer), "$artifact");
  }
};

}  // namespace

TEST_SUITE("http: artifacts") {
  TEST_CASE("the content, ranges of it, and nothing for who has it") {
    World world;
    const auto reference = world.reference_of(1000);
    const auto id = World::text(reference, "$artifact");
    const auto path = "/api/v1/artifacts/" + id;
    const auto whole = world.get(path);
    CHECK(whole.status == 200);
    CHECK(whole.body.size() == reference.at("size").to_number<std::size_t>());
    CHECK(World::field(whole, "ETag") == "\"" + id + "\"");
    CHECK(World::field(whole, "Content-Type") == "application/json");
    CHECK(World::field(whole, "Accept-Ranges") == "bytes");

    const auto part = world.ask("GET", path, "", {{"range", "bytes=10-19"}});
    CHECK(part.status == 206);
    CHECK(part.body == whole.body.substr(10, 10));
    CHECK(World::field(part, "Content-Range") == "bytes 10-19/" + std::to_string(whole.body.size()));
    CHECK(world.ask("GET", path, "", {{"range", "bytes=-5"}}).body == whole.body.substr(whole.body.size() - 5));
    const auto beyond = world.ask("GET", path, "", {{"range", "bytes=100000-"}});
    CHECK(beyond.status == 416);
    CHECK(World::field(beyond, "Content-Range") == "bytes */" + std::to_string(whole.body.size()));
    CHECK(world.ask("GET", path, "", {{"range", "bytes=0-1,4-5"}}).status == 200);

    const auto tag = World::field(whole, "ETag");
    CHECK(world.ask("GET", path, "", {{"if-none-match", tag}}).status == 304);
    CHECK(world.ask("GET", path, "", {{"if-none-match", "\"other\""}}).status == 200);
    CHECK(world.ask("GET", path, "", {{"range", "bytes=0-1"}, {"if-range", tag}}).status == 206);
    CHECK(world.ask("GET", path, "", {{"range", "bytes=0-1"}, {"if-range", "\"other\""}}).status == 200);
    CHECK(world.ask("GET", path, "", {{"if-match", "\"other\", " + tag}}).status == 200);
    CHECK(world.ask("GET", path, "", {{"if-match", "*"}}).status == 200);
    CHECK(world.ask("GET", path, "", {{"if-match", "W/" + tag}}).status == 412);
    CHECK(world.ask("GET", path, "", {{"if-match", "\"other\""}}).status == 412);
    // A range is for GET alone.
    const auto head = world.ask("HEAD", path, "", {{"range", "bytes=0-1"}});
    CHECK(head.status == 200);
    CHECK(World::field(head, "Content-Range") == "");
    CHECK(world.get("/api/v1/artifacts/sha256-" + std::string(64, '0')).status == 404);
  }

  TEST_CASE("a browser shows no content that somebody stored, whatever it is said to be") {
    World world;
    const std::vector<std::vector<http::Field>> asked{{}, {{"range", "bytes=0-9"}}, {{"if-none-match", "*"}}};
    const std::string page = "<script>fetch('/api/v1/jobs')</script>";
    for (const auto* type : {"text/html", "image/svg+xml", "application/xhtml+xml", "text/plain"}) {
      CAPTURE(type);
      const auto path = "/api/v1/artifacts/" + world.store(type, page + type);
      for (const auto& fields : asked) {
        const auto answer = world.ask("GET", path, "", fields);
        CHECK(answer.status < 400);
        CHECK(World::field(answer, "Content-Type") == type);
        CHECK(World::field(answer, "X-Content-Type-Options") == "nosniff");
        CHECK(World::field(answer, "Content-Disposition") == "attachment");
        CHECK(World::field(answer, "Content-Security-Policy") == "sandbox; default-src 'none'");
      }
    }
  }

  TEST_CASE("what is large comes piece by piece, whole or from anywhere in it") {
    World world;
    const auto id = World::text(world.reference_of(3'000'000), "$artifact");
    const auto path = "/api/v1/artifacts/" + id;
    const auto stream = world.begin("GET", path);
    CHECK(stream->response().status == 200);
    const auto whole = stream->read_all();
    CHECK(World::field(stream->response(), "Content-Length") == std::to_string(whole.size()));
    CHECK(json::parse(whole).as_string().size() >= 3'000'000);
    const auto part = world.begin("GET", path, "", {{"range", "bytes=500000-2499999"}});
    CHECK(part->response().status == 206);
    CHECK(part->read_all() == whole.substr(500'000, 2'000'000));

    const auto abandoned = world.begin("GET", path);
    abandoned->read_until([](const std::string& text) { return text.size() > 200'000; });
    abandoned->go();
  }
}
