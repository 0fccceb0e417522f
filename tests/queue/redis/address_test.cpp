// Where a queue is: URLs, and what is wrong with them.

#include <coremachine/queue/redis_address.hpp>

#include <doctest/doctest.h>

namespace {

using namespace coremachine;

TEST_CASE("a URL says where Redis is, and nothing shows its password") {
  struct Row {
    const char* url;
    RedisTarget target;
    const char* shown;
  };
  const auto tcp = [](std::string host, std::uint16_t port, unsigned database = 0, std::string prefix = "coremachine") {
    RedisTarget target;
    target.address.host = std::move(host);
    target.address.port = port;
    target.address.database = database;
    target.prefix = std::move(prefix);
    return target;
  };
  auto with_user = tcp("r", 1, 2);
  with_user.address.user = "me";
  with_user.address.password = "p@s/s:w?";
  auto secure = tcp("cache", 6380, 5, "x");
  secure.address.tls = true;
  secure.address.ca_file = "/a b.pem";
  secure.address.certificate_file = "c.pem";
  secure.address.key_file = "k.pem";
  RedisTarget at_socket;
  at_socket.address.socket = "/run/my redis.sock";
  at_socket.address.password = "x";
  at_socket.address.database = 3;
  at_socket.prefix = "a:b";
  auto with_file = tcp("cache", 6380, 5, "x");
  with_file.address.tls = true;
  with_file.address.ca_file = "/a@b.pem";
  auto with_both = with_file;
  with_both.address.user = "me";
  with_both.address.password = "p@s/s:w?";
  RedisTarget plain_socket;
  plain_socket.address.socket = "/run/r@1.sock";
  plain_socket.prefix = "a:b";
  auto user_socket = plain_socket;
  user_socket.address.user = "me";
  user_socket.address.password = "p@s";
  const std::vector<Row> rows{
      {"redis://", tcp("127.0.0.1", 6379), "redis://127.0.0.1:6379/0?prefix=coremachine"},
      {"redis://cache", tcp("cache", 6379), "redis://cache:6379/0?prefix=coremachine"},
      {"redis://cache:7000/5?prefix=x", tcp("cache", 7000, 5, "x"), "redis://cache:7000/5?prefix=x"},
      {"rediss://cache:6380/5?prefix=x&ca_file=/a%20b.pem&tls_cert=c.pem&tls_key=k.pem", secure,
       "rediss://cache:6380/5?prefix=x"},
      {"redis://[::1]:7000", tcp("::1", 7000), "redis://[::1]:7000/0?prefix=coremachine"},
      {"redis://me:p@s/s:w?@r:1/2", with_user, "redis://me@r:1/2?prefix=coremachine"},
      {"redis://me:p%40s%2fs:w%3F@r:1/2", with_user, "redis://me@r:1/2?prefix=coremachine"},
      {"redis://cache?prefix=x&db=5", tcp("cache", 6379, 5, "x"), "redis://cache:6379/5?prefix=x"},
      {"rediss://cache:6380/5?prefix=x&ca_file=/a@b.pem", with_file, "rediss://cache:6380/5?prefix=x"},
      {"rediss://me:p@s/s:w?@cache:6380/5?ca_file=/a@b.pem&prefix=x", with_both, "rediss://me@cache:6380/5?prefix=x"},
      {"unix:///run/r@1.sock?prefix=a:b", plain_socket, "unix:///run/r%401.sock?prefix=a:b"},
      {"unix://me:p@s@/run/r@1.sock?prefix=a:b", user_socket, "unix://me@/run/r%401.sock?prefix=a:b"},
      {"unix://:x@/run/my%20redis.sock?db=3&prefix=a:b", at_socket, "unix:///run/my%20redis.sock?db=3&prefix=a:b"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.url);
    const auto target = RedisTarget::parse(row.url);
    REQUIRE(target.has_value());
    CHECK(*target == row.target);
    CHECK(target->str() == row.shown);
  }
}

TEST_CASE("what is wrong with a URL is said, without the password") {
  const std::vector<std::pair<const char*, const char*>> rows{
      {"memory:", "begins with redis://"},
      {"rediss://:secret@x?tls_key=k", "belong together"},
      {"redis://:secret@x?ca_file=c", "belongs to rediss://"},
      {"redis://:secret@x:0", "port"},
      {"redis://:secret@x:70000", "port"},
      {"redis://:secret@x:y", "port"},
      {"redis://x/zero", "database"},
      {"redis://[::1", "bracket"},
      {"redis://[::1]7", "after the bracket"},
      {"redis://::1", "brackets"},
      {"redis://:se%zzcret@x", "% escape"},
      {"redis://x?prefix=", "prefix"},
      {"redis://x?prefix=a%20b", "prefix"},
      {"redis://x?timeout=3", "\"timeout\" is no option"},
      {"unix://relative.sock", "path of the socket"},
      {"unix://:secret@relative.sock", "path of the socket"},
      {"redis://x?timeout=a@b", "\"timeout\" is no option"},
  };
  for (const auto& [url, word] : rows) {
    CAPTURE(url);
    const auto target = RedisTarget::parse(url);
    REQUIRE_FALSE(target.has_value());
    CHECK(target.error().code == ErrorCode::invalid_argument);
    CHECK(target.error().message.find(word) != std::string::npos);
    CHECK(target.error().message.find("secret") == std::string::npos);
  }
}

}  // namespace
