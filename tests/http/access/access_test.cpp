#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.hpp"
#include "triggers/http/access/access.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

constexpr const char* reader = "reader-0123456789";
constexpr const char* writer = "writer-0123456789";
constexpr const char* hand = "hand-01234567890ab";
constexpr const char* chief = "chief-01234567890";

class TokenFile {
 public:
  TokenFile() : path(folder_.path() + "/tokens") {
    write(std::string(reader) + " read ann\n" + writer + " submit bob\n" + hand + " worker\n" + chief + " admin\n");
  }
  void write(const std::string& text, bool everybody = false) {
    std::ofstream(path, std::ios::trunc) << text;
    using std::filesystem::perms;
    std::filesystem::permissions(path,
                                 perms::owner_read | perms::owner_write | (everybody ? perms::others_read : perms{}));
  }

 private:
  support::TemporaryDirectory folder_;

 public:
  const std::string path;
};

Request with(const std::string& authorization, const std::string& mode = {}) {
  Request request;
  request.method = "GET";
  if (!authorization.empty()) request.fields.push_back({"authorization", authorization});
  if (!mode.empty()) request.fields.push_back({"sec-fetch-mode", mode});
  return request;
}

std::vector<std::string> challenges(const Refusal& refusal) {
  std::vector<std::string> all;
  for (const auto& field : refusal.fields) {
    if (field.name == "www-authenticate") all.push_back(field.value);
  }
  return all;
}

}  // namespace

TEST_CASE("Every role may do what it may, and no more") {
  const TokenFile file;
  const auto access = Access::open({file.path}).value();
  CHECK(access->has_tokens());
  const std::pair<const char*, Role> rows[] = {{reader, Role::read}, {writer, Role::submit}, {hand, Role::worker}, {chief, Role::admin}};
  for (const auto& [token, role] : rows) {
    for (const auto needed : {Role::read, Role::submit, Role::worker, Role::admin}) {
      CAPTURE(token);
      const auto refusal = access->authorize(with("Bearer " + std::string(token)), needed);
      CHECK(refusal.has_value() != may(role, needed));
      if (!refusal) continue;
      CHECK(refusal->status == 403);
      CHECK(challenges(*refusal) ==
            std::vector<std::string>{R"(Bearer realm="coremachine", error="insufficient_scope")"});
      CHECK(refusal->detail.find(token) == std::string::npos);
    }
  }
  CHECK(access->authorize(with(std::string("Bearer ") + reader), Role::admin)->detail ==
        "this needs the role admin; the token of ann has the role read");
}

TEST_CASE("Without a token that is known: 401 and how to send one") {
  const TokenFile file;
  const auto access = Access::open({file.path}).value();
  const auto none = access->authorize(with({}), Role::read);
  REQUIRE(none);
  CHECK(none->status == 401);
  CHECK(challenges(*none) == std::vector<std::string>{R"(Bearer realm="coremachine")"});
  CHECK(challenges(*access->authorize(with({}, "navigate"), Role::read)).size() == 2);
  for (const std::string authorization :
       {"Bearer", "Bearer ", "Bearer wrong-0123456789", "reader-0123456789", "Token reader-0123456789",
        "Bearer reader-0123456789 ", "Bearer reader-0123456789,", "Basic", "Basic ", "Basic !!!!",
        "Basic YQ=", "Basic cmVhZGVyLTAxMjM0NTY3ODk=", "Digest reader-0123456789"}) {
    CAPTURE(authorization);
    const auto refusal = access->authorize(with(authorization), Role::read);
    REQUIRE(refusal);
    CHECK(refusal->status == 401);
    CHECK(challenges(*refusal).front() == R"(Bearer realm="coremachine", error="invalid_token")");
    CHECK(refusal->detail == "the token is not known here");
  }
  CHECK(access->authorize(with("Bearer " + std::string(1'000'000, 'x')), Role::read));
}

TEST_CASE("A token may come as the password of Basic") {
  const TokenFile file;
  const auto access = Access::open({file.path}).value();
  // `:reader-0123456789`, `someone:reader-0123456789`
  for (const auto* authorization : {"Basic OnJlYWRlci0wMTIzNDU2Nzg5", "basic c29tZW9uZTpyZWFkZXItMDEyMzQ1Njc4OQ=="}) {
    CAPTURE(authorization);
    CHECK_FALSE(access->authorize(with(authorization), Role::read));
    CHECK(access->identify(with(authorization)) == Caller{"ann", Role::read});
  }
  CHECK_FALSE(access->authorize(with(std::string("bEARER   ") + reader), Role::read));
}

TEST_CASE("Where there are no tokens, everybody may do everything") {
  const auto access = Access::open({}).value();
  CHECK_FALSE(access->has_tokens());
  CHECK_FALSE(access->authorize(with({}), Role::admin));
  CHECK_FALSE(access->authorize(with("Bearer wrong"), Role::admin));
  CHECK_FALSE(access->identify(with(std::string("Bearer ") + reader)));
  CHECK(!access->reload());
}

TEST_CASE("Tokens are read again; if that fails, those in use stay") {
  TokenFile file;
  const auto access = Access::open({file.path}).value();
  file.write("fresh-0123456789 admin\n");
  CHECK_FALSE(access->reload());
  CHECK(access->authorize(with(std::string("Bearer ") + reader), Role::read));
  CHECK_FALSE(access->authorize(with("Bearer fresh-0123456789"), Role::admin));
  file.write("fresh-0123456789 nobody\n");
  const auto error = access->reload();
  REQUIRE(error);
  CHECK(error->message == file.path + ", line 1: the second word should be read, submit, worker or admin");
  CHECK_FALSE(access->authorize(with("Bearer fresh-0123456789"), Role::admin));
  std::filesystem::remove(file.path);
  CHECK(access->reload()->message == file.path + ": cannot read the tokens: No such file or directory");
  CHECK_FALSE(access->authorize(with("Bearer fresh-0123456789"), Role::admin));
}

TEST_CASE("What cannot be used is refused at the start, by name") {
  TokenFile file;
  file.write("");
  CHECK(Access::open({file.path}).error().message.starts_with(file.path));
  CHECK(Access::open({"/"}).error().message.starts_with("/: cannot read the tokens: "));
  CHECK(Access::open({{}, {"a b"}}).error().message.starts_with("allow-host: \"a b\""));
}

TEST_CASE("Warnings: tokens that others can read, and that can be guessed") {
  TokenFile file;
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& what) { warnings.push_back(what); };
  CHECK(Access::open({file.path, {}, "127.0.0.1:1", warn}).has_value());
  CHECK(warnings.empty());
  file.write("tiny admin\n", true);
  CHECK(Access::open({file.path, {}, "127.0.0.1:1", warn}).has_value());
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].starts_with(file.path + ": others than its owner can read"));
  CHECK(warnings[1].starts_with(file.path + ", line 1: the token is so short"));
  for (const auto& warning : warnings) CHECK(warning.find("tiny") == std::string::npos);
}

TEST_CASE("Others than this machine are let in only with tokens, or if somebody insists") {
  struct Row {
    const char* listen;
    bool local;
  };
  const Row rows[] = {{"127.0.0.1:8080", true}, {"localhost:8080", true}, {"[::1]:8080", true},
                      {"127.0.0.2:0", true},    {"0.0.0.0:8080", false},  {"[::]:8080", false},
                      {"10.0.0.1:80", false},   {"build-box:80", false}};
  for (const auto& row : rows) {
    CAPTURE(row.listen);
    CHECK_FALSE(check_binding(row.listen, true, false));
    CHECK_FALSE(check_binding(row.listen, false, true));
    const auto error = check_binding(row.listen, false, false);
    CHECK(error.has_value() != row.local);
    if (!error) continue;
    CHECK(error->code == ErrorCode::invalid_argument);
    for (const auto* part : {row.listen, "--token-file", "--insecure", "127.0.0.1"}) {
      CHECK(error->message.find(part) != std::string::npos);
    }
  }
}
