#include <doctest/doctest.h>

#include "triggers/http/access/site.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

Request request(std::string method, std::vector<Field> fields) {
  Request made;
  made.method = std::move(method);
  made.target = "/";
  made.fields = std::move(fields);
  return made;
}

Site site(const std::string& listen, const std::vector<std::string>& names = {}) {
  return Site::make(listen, names).value();
}

}  // namespace

TEST_CASE("Loopback is known in all its forms") {
  for (const auto* host : {"localhost", "localhost.", "a.localhost", "127.0.0.1", "127.255.0.9", "[::1]",
                           "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    CHECK(is_loopback(host));
  }
  for (const auto* host : {"", "localhost.example.org", "notlocalhost", "128.0.0.1", "0.0.0.0", "[::]", "[::2]",
                           "[::ffff:10.0.0.1]", "127.0.0.1.example.org", "127.1", "2130706433"}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback(host));
  }
}

TEST_CASE("A server answers to a Host that is its own, and to no other") {
  struct Row {
    const char* listen;
    std::vector<std::string> names;
    const char* host;
    bool answers;
  };
  const Row rows[] = {
      {"127.0.0.1:8080", {}, "127.0.0.1:8080", true},
      {"127.0.0.1:8080", {}, "localhost:8080", true},
      {"127.0.0.1:8080", {}, "LOCALHOST", true},
      {"127.0.0.1:8080", {}, "[::1]:8080", true},
      {"127.0.0.1:8080", {}, "localhost:9000", true},  // through a tunnel
      {"127.0.0.1:8080", {}, "evil.example:8080", false},
      {"127.0.0.1:8080", {}, "localhost.evil.example", false},
      {"127.0.0.1:8080", {}, "10.0.0.1:8080", false},
      {"127.0.0.1:8080", {"build-box"}, "build-box:8080", true},
      {"127.0.0.1:8080", {"Build-Box."}, "build-box", true},
      {"127.0.0.1:8080", {"build-box"}, "a.build-box", false},
      {"127.0.0.1:8080", {".example.org"}, "a.example.org", true},
      {"127.0.0.1:8080", {".example.org"}, "a.b.example.org.", true},
      {"127.0.0.1:8080", {".example.org"}, "example.org", false},
      {"127.0.0.1:8080", {".example.org"}, "evilexample.org", false},
      {"127.0.0.1:8080", {"*"}, "whatever.example", true},
      {"127.0.0.1:8080", {"[fe80::1]"}, "[fe80::1]:1", true},
      {"0.0.0.0:8080", {}, "10.0.0.1:8080", true},
      {"0.0.0.0:8080", {}, "[fe80::1]:8080", true},
      {"0.0.0.0:8080", {}, "localhost", true},
      {"0.0.0.0:8080", {}, "evil.example", false},
      {"build-box:8080", {}, "build-box:8080", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.listen);
    CAPTURE(row.host);
    const auto refusal = site(row.listen, row.names).check(request("GET", {{"host", row.host}}));
    CHECK(refusal.has_value() != row.answers);
    if (refusal) CHECK(refusal->status == 403);
  }
  const auto refusal = site("127.0.0.1:1").check(request("GET", {{"host", "build-box:8080"}}));
  CHECK(refusal->detail.ends_with("start it with --allow-host build-box"));
  CHECK_FALSE(site("127.0.0.1:1").check(request("GET", {})));
}

TEST_CASE("What pages of other sites send is refused") {
  struct Row {
    const char* method;
    std::vector<Field> fields;
    bool passes;
  };
  const Row rows[] = {
      {"POST", {}, true},  // no browser
      {"POST", {{"origin", "http://localhost:8080"}}, true},
      {"POST", {{"origin", "http://localhost:8080"}, {"sec-fetch-site", "same-origin"}}, true},
      {"POST", {{"origin", "http://localhost:3000"}}, false},
      {"POST", {{"origin", "http://localhost"}}, false},
      {"POST", {{"origin", "https://localhost:8080"}}, true},  // a proxy may have taken TLS off
      {"POST", {{"origin", "http://evil.example"}}, false},
      {"POST", {{"origin", "http://evil.example:8080"}}, false},
      {"POST", {{"origin", "null"}}, false},
      {"POST", {{"origin", ""}}, false},
      {"POST", {{"origin", "file://localhost:8080"}}, false},
      {"POST", {{"origin", "http://told.example"}}, true},
      {"POST", {{"origin", "https://told.example:444"}}, true},
      {"POST", {{"sec-fetch-site", "same-origin"}}, true},
      {"POST", {{"sec-fetch-site", "none"}}, true},
      {"POST", {{"sec-fetch-site", "same-site"}}, false},
      {"POST", {{"sec-fetch-site", "cross-site"}}, false},
      {"DELETE", {{"sec-fetch-site", "cross-site"}}, false},
      {"GET", {{"sec-fetch-site", "cross-site"}}, true},  // somebody followed a link
      {"GET", {{"origin", "http://evil.example"}}, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.method);
    for (const auto& field : row.fields) CAPTURE(field.value);
    auto fields = row.fields;
    fields.push_back({"host", "localhost:8080"});
    const auto refusal = site("127.0.0.1:8080", {"told.example"}).check(request(row.method, fields));
    CHECK(refusal.has_value() != row.passes);
    if (refusal) CHECK(refusal->status == 403);
  }
}

TEST_CASE("To answer to every Host is not to believe every Origin") {
  const auto open = site("127.0.0.1:8080", {"*"});
  CHECK_FALSE(open.check(request("POST", {{"host", "any.example"}, {"origin", "http://any.example"}})));
  CHECK(open.check(request("POST", {{"host", "any.example"}, {"origin", "http://evil.example"}})));
}

TEST_CASE("The usual ports may be left out") {
  const auto open = site("127.0.0.1:80", {"*"});
  CHECK_FALSE(open.check(request("POST", {{"host", "a.example:80"}, {"origin", "http://a.example"}})));
  CHECK_FALSE(open.check(request("POST", {{"host", "a.example"}, {"origin", "https://a.example:443"}})));
  CHECK(open.check(request("POST", {{"host", "a.example:80"}, {"origin", "https://a.example"}})));
}

TEST_CASE("A name that is none is refused") {
  for (const auto* name : {"", "a b", "http://a", "a:80", "..", "a/b", "[::1"}) {
    CAPTURE(name);
    const auto made = Site::make("127.0.0.1:1", {"good.example", name});
    REQUIRE(made.has_error());
    CHECK(made.error().message.find('"' + std::string(name) + '"') != std::string::npos);
  }
}
