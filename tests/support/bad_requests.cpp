#include "tests/support/bad_requests.hpp"

#include <initializer_list>
#include <utility>

namespace coremachine::testing {
namespace {

using Rows = std::vector<BadRequest>;

std::string get(const std::string& lines) {
  return "GET / HTTP/1.1\r\n" + lines + "\r\n";
}
std::string with_host(const std::string& lines) {
  return get("Host: localhost\r\n" + lines);
}
std::string post(const std::string& lines, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
std::string line(const std::string& request_line) {
  return request_line + "\r\nHost: localhost\r\n\r\n";
}
std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

void add_request_lines(Rows& rows) {
  const std::string nul(1, '\0');
  const Rows more = {
      {"unknown method", line("BREW / HTTP/1.1"), 501},
      {"method in lower case", line("get / HTTP/1.1"), 501},
      {"method that does not end", std::string(100, 'A'), 501},
      {"method in parentheses", line("(GET) / HTTP/1.1"), 400},
      {"NUL in the method", line("G" + nul + "T / HTTP/1.1"), 400},
      {"no method", line(" / HTTP/1.1"), 400},
      {"TLS", "\x16\x03\x01\x02", 400},
      {"garbage", "\xff\xfe\xfd\r\n\r\n", 400},
      {"HTTP/2.0", line("GET / HTTP/2.0"), 505},
      {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/0.9 with a version", line("GET / HTTP/0.9"), 505},
      {"HTTP/0.9", "GET /\r\n", 400},
      {"version in lower case", line("GET / http/1.1"), 400},
      {"version of three digits", line("GET / HTTP/1.10"), 400},
      {"no minor version", line("GET / HTTP/1"), 400},
      {"another protocol", line("GET / ICY/1.1"), 400},
      {"space after the version", line("GET / HTTP/1.1 "), 400},
      {"two spaces", line("GET  / HTTP/1.1"), 400},
      {"two spaces before the version", line("GET /  HTTP/1.1"), 400},
      {"tab for a space", line("GET\t/ HTTP/1.1"), 400},
      {"tab after the target", line("GET /\tHTTP/1.1"), 400},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: localhost\r\n\r\n", 400},
      {"bare LF all over", "GET / HTTP/1.1\nHost: localhost\n\n", 400},
      {"bare CR after the request line", "GET / HTTP/1.1\rHost: localhost\r\n\r\n", 400},
      {"bare LF before the request", "\n" + line("GET / HTTP/1.1"), 400},
      {"bare CR before the request", "\r" + line("GET / HTTP/1.1"), 400},
      {"five empty lines before the request", repeated("\r\n", 5) + line("GET / HTTP/1.1"), 400},
      {"space before the request", " " + line("GET / HTTP/1.1"), 400},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

void add_targets(Rows& rows) {
  const std::string nul(1, '\0');
  const Rows more = {
      {"target over 8 KiB", line("GET /" + std::string(8192, 'a') + " HTTP/1.1"), 414},
      {"target that does not end", "GET /" + std::string(20000, 'a'), 414},
      {"fragment", line("GET /a#b HTTP/1.1"), 400},
      {"NUL in the target", line("GET /a" + nul + "b HTTP/1.1"), 400},
      {"control character in the target", line("GET /a\x01 HTTP/1.1"), 400},
      {"DEL in the target", line("GET /a\x7f HTTP/1.1"), 400},
      {"bytes that are not ASCII in the target", line("GET /\xc3\xa9 HTTP/1.1"), 400},
      {"CR in the target", line("GET /a\rb HTTP/1.1"), 400},
      {"no slash", line("GET jobs HTTP/1.1"), 400},
      {"a query alone", line("GET ?a=1 HTTP/1.1"), 400},
      {"asterisk without OPTIONS", line("GET * HTTP/1.1"), 400},
      {"another scheme", line("GET ftp://localhost/ HTTP/1.1"), 400},
      {"authority without CONNECT", line("GET localhost:80 HTTP/1.1"), 400},
      {"CONNECT", line("CONNECT localhost:80 HTTP/1.1"), 405},
      {"absolute form of another host", line("GET http://example.com/ HTTP/1.1"), 400},
      {"absolute form of another port", line("GET http://localhost:81/ HTTP/1.1"), 400},
      {"absolute form with another usual port", line("GET https://localhost:80/ HTTP/1.1"), 400},
      {"absolute form without a host", line("GET http:///a HTTP/1.1"), 400},
      {"absolute form with a user", line("GET http://me@localhost/ HTTP/1.1"), 400},
      {"absolute form without Host", "GET http://localhost/ HTTP/1.1\r\n\r\n", 400},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

void add_fields(Rows& rows) {
  const std::string nul(1, '\0');
  const Rows more = {
      {"space before the colon", get("Host : localhost\r\n"), 400},
      {"tab before the colon", with_host("A\t: b\r\n"), 400},
      {"no colon", with_host("nonsense\r\n"), 400},
      {"no name", with_host(": b\r\n"), 400},
      {"space in a name", with_host("A b: c\r\n"), 400},
      {"bracket in a name", with_host("A[0]: c\r\n"), 400},
      {"NUL in a name", with_host("A" + nul + ": c\r\n"), 400},
      {"bytes that are not ASCII in a name", with_host("\xc3\xa9: c\r\n"), 400},
      {"folded line", with_host("A: b\r\n c\r\n"), 400},
      {"line folded with a tab", with_host("A: b\r\n\tc\r\n"), 400},
      {"first line folded", get(" Host: localhost\r\n"), 400},
      {"NUL in a value", with_host("A: b" + nul + "c\r\n"), 400},
      {"control character in a value", with_host("A: b\x02\r\n"), 400},
      {"DEL in a value", with_host("A: b\x7f\r\n"), 400},
      {"bare CR in a value", with_host("A: b\rc\r\n"), 400},
      {"bare CR before the end of a line", with_host("A: b\r\r\n"), 400},
      {"bare LF in the header", with_host("A: b\nC: d\r\n"), 400},
      {"bare LF at the end of the header", "GET / HTTP/1.1\r\nHost: localhost\r\n\n", 400},
      {"header over 8 KiB", with_host("A: " + std::string(8192, 'a') + "\r\n"), 431},
      {"header over 8 KiB in many lines", with_host(repeated("A: " + std::string(1000, 'a') + "\r\n", 9)), 431},
      {"header that does not end", "GET / HTTP/1.1\r\nA: " + std::string(20000, 'a'), 431},
      {"too many fields", with_host(repeated("A: b\r\n", 200)), 431},
      {"no Host", get("A: b\r\n"), 400},
      {"no field at all", get(""), 400},
      {"two of Host", with_host("Host: localhost\r\n"), 400},
      {"two different of Host", with_host("Host: example.com\r\n"), 400},
      {"empty Host", get("Host:\r\n"), 400},
      {"Host with a path", get("Host: localhost/a\r\n"), 400},
      {"Host with a user", get("Host: me@localhost\r\n"), 400},
      {"Host with a space", get("Host: local host\r\n"), 400},
      {"Host as a list", get("Host: localhost, example.com\r\n"), 400},
      {"Host with a port that is none", get("Host: localhost:http\r\n"), 400},
      {"Host with a port that is too large", get("Host: localhost:65536\r\n"), 400},
      {"Host with an empty port and more", get("Host: localhost: 80\r\n"), 400},
      {"Host with two ports", get("Host: localhost:80:80\r\n"), 400},
      {"Host of a port alone", get("Host: :80\r\n"), 400},
      {"Host with a bad IPv6 address", get("Host: [::1::]\r\n"), 400},
      {"Host with an IPv6 address that does not end", get("Host: [::1\r\n"), 400},
      {"Host with an IPv6 address without brackets", get("Host: ::1\r\n"), 400},
      {"two of Authorization", with_host("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400},
      {"two of Content-Type", with_host("Content-Type: text/plain\r\nContent-Type: application/json\r\n"), 400},
      {"two of Idempotency-Key", with_host("Idempotency-Key: a\r\nIdempotency-Key: b\r\n"), 400},
      {"another expectation", post("Content-Length: 1\r\nExpect: 200-ok\r\n", "a"), 417},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

void add_framing(Rows& rows) {
  const std::string te = "Transfer-Encoding: ";
  const std::string cl = "Content-Length: ";
  const Rows more = {
      {"length and coding", post(cl + "5\r\n" + te + "chunked\r\n", "0\r\n\r\n"), 400},
      {"coding and length", post(te + "chunked\r\n" + cl + "5\r\n", "0\r\n\r\n"), 400},
      {"length and unknown coding", post(cl + "5\r\n" + te + "gzip\r\n", "12345"), 400},
      {"lengths that differ", post(cl + "5\r\n" + cl + "6\r\n", "123456"), 400},
      {"the same length twice", post(cl + "5\r\n" + cl + "5\r\n", "12345"), 400},
      {"list of lengths that differ", post(cl + "5, 6\r\n", "123456"), 400},
      {"list of lengths", post(cl + "5,5\r\n", "12345"), 400},
      {"length with a plus", post(cl + "+5\r\n", "12345"), 400},
      {"length with a minus", post(cl + "-5\r\n", "12345"), 400},
      {"length that is hexadecimal", post(cl + "0x5\r\n", "12345"), 400},
      {"length with a fraction", post(cl + "5.0\r\n", "12345"), 400},
      {"length with an exponent", post(cl + "1e1\r\n", "1234567890"), 400},
      {"length with a space in it", post(cl + "1 2\r\n", "123456789012"), 400},
      {"length of a word", post(cl + "five\r\n", "12345"), 400},
      {"empty length", post(cl + "\r\n", ""), 400},
      {"length of 65 bits", post(cl + "18446744073709551616\r\n", ""), 400},
      {"length that is 1 modulo 2^64", post(cl + "18446744073709551617\r\n", "a"), 400},
      {"length of a hundred digits", post(cl + std::string(100, '9') + "\r\n", ""), 400},
      {"body over 1 MiB", post(cl + "1048577\r\n", ""), 413},
      {"body of 2^64 − 1", post(cl + "18446744073709551615\r\n", ""), 413},
      {"unknown coding", post(te + "xchunked\r\n", ""), 501},
      {"gzip", post(te + "gzip\r\n", ""), 501},
      {"gzip, chunked", post(te + "gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {"chunked, gzip", post(te + "chunked, gzip\r\n", "0\r\n\r\n"), 501},
      {"identity", post(te + "identity\r\n", ""), 501},
      {"gzip and chunked in two lines", post(te + "gzip\r\n" + te + "chunked\r\n", "0\r\n\r\n"), 501},
      {"chunked and nonsense in two lines", post(te + "chunked\r\n" + te + "x\r\n", "0\r\n\r\n"), 501},
      {"chunked twice", post(te + "chunked, chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked in two lines", post(te + "chunked\r\n" + te + "chunked\r\n", "0\r\n\r\n"), 400},
      {"empty coding", post(te + "\r\n", "0\r\n\r\n"), 400},
      {"coding with an empty member", post(te + "chunked,\r\n", "0\r\n\r\n"), 400},
      {"coding with a parameter", post(te + "chunked;q=1\r\n", "0\r\n\r\n"), 400},
      {"coding in quotes", post(te + "\"chunked\"\r\n", "0\r\n\r\n"), 400},
      {"coding after a vertical tab", post(te + "\x0b" + "chunked\r\n", "0\r\n\r\n"), 400},
      {"space before the colon of a coding", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
      {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

void add_chunks(Rows& rows) {
  const std::string nul(1, '\0');
  const Rows more = {
      {"chunk of no size", chunked("\r\n"), 400},
      {"chunk with a word for its size", chunked("five\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with a plus", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with a minus", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
      {"space before a chunk size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
      {"space after a chunk size", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"underscore in a chunk size", chunked("1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), 400},
      {"chunk size of 17 digits", chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size that is 5 modulo 2^64", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk of 2^64 − 1", chunked("ffffffffffffffff\r\n"), 413},
      {"chunk over 1 MiB", chunked("100001\r\n"), 413},
      {"chunks over 1 MiB together", chunked("1\r\na\r\n100000\r\n"), 413},
      {"bare LF after a chunk size", chunked("5\nhello\r\n0\r\n\r\n"), 400},
      {"bare CR after a chunk size", chunked("5\rhello\r\n0\r\n\r\n"), 400},
      {"chunk that is longer than its size", chunked("5\r\nhellos\r\n0\r\n\r\n"), 400},
      {"chunk that is shorter than its size", chunked("5\r\nhell\r\n0\r\n\r\n"), 400},
      {"bare LF after a chunk", chunked("5\r\nhello\n0\r\n\r\n"), 400},
      {"bare CR after a chunk", chunked("5\r\nhello\r0\r\n\r\n"), 400},
      {"extension without a semicolon", chunked("5 a=b\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension without a name", chunked("5;=b\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension that is empty", chunked("5;\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension without a value", chunked("5;a=\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension with an open quote", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension with an LF", chunked("5;a\nhello\r\n0\r\n\r\n"), 400},
      {"extension with a NUL", chunked("5;a" + nul + "\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension that is too long", chunked("5;a=" + std::string(300, 'b') + "\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension that does not end", chunked("5;" + std::string(5000, 'b')), 400},
      {"too many extensions", chunked(repeated("1;a=" + std::string(200, 'b') + "\r\nx\r\n", 30)), 400},
      {"trailer without a colon", chunked("0\r\nnonsense\r\n\r\n"), 400},
      {"trailer with a bare LF", chunked("0\r\nA: b\n\r\n"), 400},
      {"trailer with a folded line", chunked("0\r\nA: b\r\n c\r\n\r\n"), 400},
      {"trailer with a space before the colon", chunked("0\r\nA : b\r\n\r\n"), 400},
      {"trailer with a NUL", chunked("0\r\nA: " + nul + "\r\n\r\n"), 400},
      {"trailer with a length", chunked("0\r\nContent-Length: 5\r\n\r\n"), 400},
      {"trailer with a coding", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
      {"trailer that is too long", chunked("0\r\nA: " + std::string(5000, 'b') + "\r\n\r\n"), 400},
      {"too many trailers", chunked("0\r\n" + repeated("A: b\r\n", 1000) + "\r\n"), 400},
      {"bare LF at the end", chunked("0\r\n\n"), 400},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

}  // namespace

const std::vector<BadRequest>& bad_requests() {
  static const Rows all = [] {
    Rows rows;
    add_request_lines(rows);
    add_targets(rows);
    add_fields(rows);
    add_framing(rows);
    add_chunks(rows);
    return rows;
  }();
  return all;
}

}  // namespace coremachine::testing
