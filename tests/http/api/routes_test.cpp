#include <algorithm>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "triggers/http/api/router.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> all;
  for (std::size_t from = 1; path != "/" && from <= path.size();) {
    const auto to = std::min(path.find('/', from), path.size());
    all.emplace_back(path.substr(from, to - from));
    from = to + 1;
  }
  return all;
}

/// A path that the pattern is for.
std::string example_of(std::string_view pattern) {
  std::string path(pattern);
  for (auto from = path.find('{'); from != std::string::npos; from = path.find('{')) {
    path.replace(from, path.find('}', from) - from + 1, "some-name");
  }
  return path;
}

}  // namespace

TEST_SUITE("http: routes") {
  TEST_CASE("where a request leads is found out once, and again when it is another one") {
    Request request;
    request.method = "GET";
    request.target = "/api/v1/jobs/1?wait=1s";
    const auto to = destination_of(request);
    REQUIRE(to->match.find("GET") != nullptr);
    CHECK(to->match.find("GET")->path == "/api/v1/jobs/{id}");
    CHECK(to->match.values == std::vector<std::string>{"1"});
    CHECK(*to->target->query.find("wait") == "1s");
    CHECK((destination_of(request) == to));
    auto copy = request;
    CHECK((destination_of(copy) == to));
    copy.target = "/api/v1/jobs/2";
    CHECK(destination_of(copy)->match.values == std::vector<std::string>{"2"});
    CHECK((destination_of(request) == to));
    copy.target = "/%zz";
    CHECK(destination_of(copy)->target.has_error());
    CHECK(destination_of(copy)->match.routes.empty());
  }

  TEST_CASE("each route says all that there is to say, and has a name of its own") {
    std::set<std::string_view> operations;
    std::set<std::pair<std::string_view, std::string_view>> places;
    for (const auto& route : routes()) {
      CAPTURE(route.path);
      CHECK(operations.insert(route.operation).second);
      CHECK(places.emplace(route.method, route.path).second);
      CHECK((route.handler != nullptr));
      CHECK_FALSE(route.summary.empty());
      CHECK_FALSE(route.group.empty());
      REQUIRE_FALSE(route.answers.empty());
      for (const auto& answer : route.answers) CHECK_FALSE(answer.doc.empty());
      // Only POST and PUT have bodies, and nobody who may only read changes anything.
      if (!route.body.empty()) CHECK((route.method == "POST" || route.method == "PUT"));
      if (route.method != "GET") CHECK((route.role && route.role != Role::read));
      if (route.method == "GET") CHECK((!route.role || route.role == Role::read));
    }
  }

  TEST_CASE("each route is found at its path, HEAD finds GET, and Allow names what there is") {
    for (const auto& route : routes()) {
      CAPTURE(route.path);
      const auto found = match(segments(example_of(route.path)));
      const auto* it = found.find(route.method);
      REQUIRE((it != nullptr));
      CHECK(it->operation == route.operation);
      CHECK(found.values == std::vector<std::string>(path_variables(route.path).size(), "some-name"));
      CHECK(found.allow().find(route.method) != std::string::npos);
      CHECK(found.allow().find("OPTIONS") != std::string::npos);
      if (route.method == "GET") {
        CHECK(found.find("HEAD") == it);
        CHECK(found.allow().find("HEAD") != std::string::npos);
      }
    }
  }

  TEST_CASE("a verb after a name is met without its $, and nowhere else") {
    for (const auto& route : routes()) {
      const auto dollar = route.path.find('$');
      if (dollar == std::string_view::npos) continue;
      CAPTURE(route.path);
      auto bare = example_of(route.path);
      bare.erase(bare.find('$'), 1);
      const auto found = match(segments(bare));
      const bool after_name = route.path[dollar - 2] == '}';
      const auto* it = found.find(route.method);
      CHECK((it != nullptr && it->operation == route.operation) == after_name);
    }
    CHECK(match({"api", "v1", "jobs", "cancel"}).find("POST")->operation == "submitJob");
    CHECK(match({"api", "v1", "jobs", "$cancel"}).find("POST")->operation == "cancelJobs");
    CHECK(match({"api", "v1", "jobs", "$cancel"}).find("GET") == nullptr);
  }

  TEST_CASE("there is no path beside those of the table") {
    for (const auto* path : {"/api", "/api/v2/jobs", "/api/v1/jobs/", "/api/v1/jobs/a/b", "/api/v1/jobs//events",
                             "/api/v1/workers/$nope", "/API/v1/jobs", "/api/v1/jobs/a/$nope"}) {
      CAPTURE(path);
      CHECK(match(segments(path)).routes.empty());
    }
  }

  TEST_CASE("an unknown path names the nearest, a wrong method what is right") {
    const auto problem = unknown_path("/api/v1/job?limit=1");
    CHECK(problem.status == 404);
    CHECK(problem.detail.find("nearest: /api/v1/jobs") != std::string::npos);
    const auto tasks = match({"api", "v1", "tasks"});
    const auto refused = wrong_method("POST", tasks);
    CHECK(refused.status == 405);
    CHECK(refused.fields == std::vector<Field>{{"allow", "GET, HEAD, OPTIONS"}});
    CHECK(wrong_method("PATCH", tasks).status == 405);
    CHECK(wrong_method("BREW", tasks).status == 501);
  }
}
