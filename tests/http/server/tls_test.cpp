#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/http/server/make_certificate.hpp"
#include "tests/http/server/server_fixture.hpp"
#include "tests/http/server/tls_client.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace coremachine;
using namespace coremachine::http;
using namespace coremachine::http::test;

namespace {

const CertificateFiles& certificate() {
  static const support::TemporaryDirectory folder;
  static const auto files = make_certificate(folder.path(), "first.example");
  return files;
}

ServerOptions tls(const CertificateFiles& files = certificate()) {
  ServerOptions options;
  options.certificate_file = files.certificate;
  options.key_file = files.key;
  return options;
}

}  // namespace

TEST_CASE("Requests come by TLS, 1.2 and 1.3, and not by anything older") {
  TestServer server(tls());
  CHECK(server.address.url().starts_with("https://"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server.port(), {version});
    REQUIRE(client.connected());
    CHECK(client.server_name() == "first.example");
    client.send(get("/now/1") + get("/later"));
    CHECK(client.read_response().body == "GET /now/1 ");
    auto asked = server.asked.next();
    CHECK(asked.request.secure);
    asked.reply.send({200, {}, "later"});
    CHECK(client.read_response().body == "later");
  }
  TlsClient old(server.port(), {TLS1_1_VERSION});
  CHECK_FALSE(old.connected());
  CHECK(old.failure().find("protocol version") != std::string::npos);
  // The client hears of it before the server has counted it.
  while (server.server().stats().failed_handshakes == 0) std::this_thread::yield();
  CHECK(server.server().stats().failed_handshakes == 1);
}

TEST_CASE("Of the protocols that a client offers, http/1.1 is taken") {
  TestServer server(tls());
  TlsClient both(server.port(), {0, std::string("\2h2\10http/1.1")});
  CHECK(both.connected());
  CHECK(both.alpn() == "http/1.1");
  TlsClient other(server.port(), {0, std::string("\2h2")});
  CHECK_FALSE(other.connected());
  CHECK(other.failure().find("no application protocol") != std::string::npos);
  CHECK(TlsClient(server.port()).alpn().empty());
}

TEST_CASE("Large bodies go both ways by TLS") {
  Application application;
  application.body_limit = [](const Request&) { return 10'000'000u; };
  TestServer server(tls(), application);
  TlsClient client(server.port());
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i) + " ";
  client.send(post("/large", body));
  auto asked = server.asked.next();
  CHECK(asked.request.body == body);
  asked.reply.send({200, {}, body});
  CHECK(client.read_response().body == body);
}

TEST_CASE("Streams, slow readers and clients that leave are the same by TLS") {
  auto options = tls();
  options.limits.stream_buffer = 100'000;
  options.limits.half_closed = 20ms;
  TestServer server(options);
  {
    TlsClient client(server.port(), {0, {}, 4'096});
    client.send(get("/stream") + get("/now"));
    auto stream = server.asked.next().reply.stream({200, {}, {}});
    std::atomic<int> left{50};
    stream->on_drained([&left, stream = stream.get()] {
      if (left-- > 0) {
        stream->write(std::string(50'000, 'x'));
      } else {
        stream->end();
      }
    });
    CHECK(client.read_response().body.size() == 50u * 50'000);
    CHECK(client.read_response().body == "GET /now ");
  }
  TlsClient slow(server.port(), {0, {}, 4'096});
  slow.send(get("/stream"));
  auto stream = server.asked.next().reply.stream({200, {}, {}});
  stream->on_gone([&] { server.events.put("cut off"); });
  while (stream->write(std::string(1'000, 'x'))) continue;
  CHECK(server.events.next() == "cut off");

  auto leaving = std::make_unique<TlsClient>(server.port());
  leaving->send(get("/later"));
  auto asked = server.asked.next();
  asked.reply.on_gone([&] { server.events.put("gone"); });
  leaving.reset();
  CHECK(server.events.next() == "gone");
}

TEST_CASE("The end of a connection is said in TLS too") {
  TestServer server(tls());
  TlsClient client(server.port());
  client.send(get("/now", "Connection: close\r\n"));
  CHECK(client.read_response().status == 200);
  CHECK(client.at_end());
  CHECK(client.ended_orderly());
}

TEST_CASE("What is not TLS is turned away") {
  auto options = tls();
  options.limits.head = 100ms;
  TestServer server(options);
  RawClient plain(server.port());
  plain.send(get("/now"));
  const auto answer = plain.read_response();
  CHECK(answer.status == 400);
  CHECK(answer.body == "This port speaks HTTPS; begin with https://\n");
  CHECK(plain.at_end());

  RawClient garbage(server.port());
  garbage.send(std::string(5'000, '\xff'));
  garbage.read_all();

  // A handshake that begins and does not go on.
  RawClient silent(server.port());
  silent.send("\x16\x03\x01");
  CHECK(silent.read_all().empty());

  TlsClient client(server.port());
  client.send(get("/now"));
  CHECK(client.read_response().status == 200);
  CHECK(server.server().stats().failed_handshakes == 2);
  CHECK(server.server().stats().timed_out == 1);
}

TEST_CASE("A certificate is exchanged while the server runs") {
  const support::TemporaryDirectory folder;
  const auto files = make_certificate(folder.path(), "old.example");
  TestServer server(tls(files));
  TlsClient before(server.port());
  CHECK(before.server_name() == "old.example");

  const auto fresh = make_certificate(folder.path(), "new.example");
  std::filesystem::copy_file(fresh.certificate, files.certificate, std::filesystem::copy_options::overwrite_existing);
  // Half of a change: the certificate in use stays.
  const auto error = server.server().reload_certificate();
  REQUIRE(error);
  CHECK(error->message == files.key + ": not the key of the certificate in " + files.certificate);
  CHECK(TlsClient(server.port()).server_name() == "old.example");

  std::filesystem::copy_file(fresh.key, files.key, std::filesystem::copy_options::overwrite_existing);
  CHECK_FALSE(server.server().reload_certificate());
  CHECK(TlsClient(server.port()).server_name() == "new.example");
  before.send(get("/now"));
  CHECK(before.read_response().status == 200);
}

TEST_CASE("A server does not start with a certificate or a key that cannot be used, and says which and why") {
  const support::TemporaryDirectory folder;
  const auto good = make_certificate(folder.path(), "good.example");
  const auto other = make_certificate(folder.path(), "other.example");
  const auto expired = make_certificate(folder.path(), "expired.example", -3'600);
  const auto locked = make_certificate(folder.path(), "locked.example", 3'600, "secret");
  const auto missing = folder.path() + "/missing";
  const auto text = folder.path() + "/text";
  std::ofstream(text) << "no PEM at all\n";
  struct Row {
    CertificateFiles files;
    std::string message;
  };
  const Row rows[] = {
      {{missing, good.key}, missing + ": cannot read the certificate: No such file or directory"},
      {{good.certificate, missing}, missing + ": cannot read the key: No such file or directory"},
      {{good.certificate, {}}, "TLS needs a key file as well"},
      {{{}, good.key}, "TLS needs a certificate file as well"},
      {{text, good.key}, text + ": not a certificate chain in PEM"},
      {{good.certificate, text}, text + ": not a private key in PEM"},
      {{good.certificate, other.key}, other.key + ": not the key of the certificate in " + good.certificate},
      {expired, expired.certificate + ": the certificate has expired"},
      {locked, locked.key + ": the key is encrypted; a server needs it without a pass phrase"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    auto options = tls(row.files);
    options.listen = "127.0.0.1:0";
    Application application;
    application.handle = [](Request, Reply) {};
    Server server(options, application);
    const auto bound = server.start();
    REQUIRE(bound.has_error());
    CHECK(bound.error().code == ErrorCode::invalid_argument);
    CHECK(bound.error().message.starts_with(row.message));
  }
}
