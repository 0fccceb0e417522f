#include <doctest/doctest.h>

#include "triggers/http/access/tokens.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

constexpr const char* file_text =
    "# who may do what\n"
    "\n"
    "aaaaaaaaaaaaaaaaaaaa read   dashboard\r\n"
    "  bbbbbbbbbbbbbbbbbbbb\tsubmit\t# without a name\n"
    "cccccccccc#ccccccccc admin  ann@example.org\n"
    "dddddddddddddddddddd\n"
    "short read";

}  // namespace

TEST_CASE("A token file names tokens, roles and people") {
  const auto tokens = Tokens::parse(file_text, "tokens");
  REQUIRE(tokens.has_value());
  CHECK(tokens->size() == 5);
  CHECK(tokens->find("aaaaaaaaaaaaaaaaaaaa") == Caller{"dashboard", Role::read});
  CHECK(tokens->find("bbbbbbbbbbbbbbbbbbbb") == Caller{"line 4", Role::submit});
  CHECK(tokens->find("cccccccccc#ccccccccc") == Caller{"ann@example.org", Role::admin});
  CHECK(tokens->find("dddddddddddddddddddd") == Caller{"line 6", Role::admin});
  CHECK(tokens->find("short") == Caller{"line 7", Role::read});
  CHECK(tokens->short_lines() == std::vector<std::size_t>{7});
}

TEST_CASE("What is nearly a token is none") {
  const auto tokens = Tokens::parse(file_text, "tokens");
  REQUIRE(tokens.has_value());
  for (const auto* token : {"", "a", "aaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAA", "read",
                            "#", "aaaaaaaaaaaaaaaaaaaa read", "dashboard"}) {
    CAPTURE(token);
    CHECK_FALSE(tokens->find(token));
  }
}

TEST_CASE("Errors name the line and never the token") {
  struct Row {
    std::string text;
    std::string message;
  };
  const Row rows[] = {
      {"", "f: there is no token in it; a line is TOKEN ROLE NAME"},
      {"# nothing\n\n", "f: there is no token in it; a line is TOKEN ROLE NAME"},
      {"secret-0123456789 root", "f, line 1: the second word should be read, submit, worker or admin"},
      {"# one\nsecret-0123456789 Admin", "f, line 2: the second word should be read, submit, worker or admin"},
      {"admin secret-0123456789", "f, line 1: the token comes first, then its role"},
      {"ann secret-0123456789 admin", "f, line 1: the second word should be read, submit, worker or admin"},
      {"secret-0123456789 admin ann lee", "f, line 1: there are more than three words: TOKEN ROLE NAME"},
      {"secret-\xc3\xa4 admin", "f, line 1: a token is made of printable ASCII characters"},
      {"secret-0123456789 admin a\x01", "f, line 1: a name is made of printable ASCII characters"},
      {"secret-0123456789 read\nother-0123456789 read\nsecret-0123456789 admin",
       "f, line 3: the same token as in line 1"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto tokens = Tokens::parse(row.text, "f");
    REQUIRE(tokens.has_error());
    CHECK(tokens.error().code == ErrorCode::invalid_argument);
    CHECK(tokens.error().message == row.message);
    CHECK(tokens.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("Roles have names, and everybody may look") {
  const Role all[] = {Role::read, Role::submit, Role::worker, Role::admin};
  for (const auto role : all) {
    CHECK(role_from(to_string(role)) == role);
    CHECK(may(role, Role::read));
    CHECK(may(Role::admin, role));
    for (const auto needed : {Role::submit, Role::worker, Role::admin}) {
      CHECK(may(role, needed) == (role == needed || role == Role::admin));
    }
  }
  CHECK_FALSE(role_from("root"));
}
