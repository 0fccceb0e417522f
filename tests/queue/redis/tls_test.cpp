// A queue in a Redis that is reached by TLS.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <coremachine/queue/redis_queue.hpp>

#include "tests/support/redis_world.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::support;

/// Writes FOLDER/NAME.crt, which signs itself and is for `names`, and FOLDER/NAME.key.
void make_certificate(const std::string& folder, const std::string& name, const std::string& names) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -7'200);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 7'200);
  X509_set_pubkey(made.get(), key.get());
  auto* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("redis"), -1, -1, 0);
  X509_set_issuer_name(made.get(), subject);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()), &X509_EXTENSION_free);
  X509_add_ext(made.get(), extension.get(), -1);
  X509_sign(made.get(), key.get(), EVP_sha256());
  const auto path = folder + "/" + name;
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> crt(std::fopen((path + ".crt").c_str(), "w"), &std::fclose);
  PEM_write_X509(crt.get(), made.get());
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> pem(std::fopen((path + ".key").c_str(), "w"), &std::fclose);
  PEM_write_PKCS8PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

std::uint16_t free_port() {
  const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  REQUIRE(::bind(file, reinterpret_cast<sockaddr*>(&here), size) == 0);
  REQUIRE(::getsockname(file, reinterpret_cast<sockaddr*>(&here), &size) == 0);
  ::close(file);
  return ntohs(here.sin_port);
}

/// A Redis that speaks TLS too, with a certificate for `names`.
struct SecureRedis {
  explicit SecureRedis(const std::string& names, std::vector<std::string> more = {"--tls-auth-clients", "no"}) {
    make_certificate(folder.path(), "redis", names);
    const auto path = folder.path() + "/redis";
    port = free_port();
    more.insert(more.end(), {"--tls-port", std::to_string(port), "--tls-cert-file", path + ".crt", "--tls-key-file",
                             path + ".key", "--tls-ca-cert-file", path + ".crt"});
    redis.emplace(std::move(more));
  }
  RedisTarget target(const std::string& more = "") const {
    return RedisTarget::parse("rediss://127.0.0.1:" + std::to_string(port) + "?prefix=test" + more).value();
  }
  std::string trust() const { return "&ca_file=" + folder.path() + "/redis.crt"; }
  std::string own() const {
    return "&tls_cert=" + folder.path() + "/redis.crt&tls_key=" + folder.path() + "/redis.key";
  }

  TemporaryDirectory folder;
  std::uint16_t port = 0;
  std::optional<RedisServer> redis;
};

WorkerAnswer<std::vector<HandOut>> poll(const RedisTarget& target) {
  const RedisQueue queue(target.address, target.prefix);
  return queue.transport()->poll({.name = "w", .task_types = {"t"}}, 1, Milliseconds{10});
}

TEST_CASE("tasks go through a Redis with TLS, large entries too") {
  COREMACHINE_NEEDS_REDIS();
  const SecureRedis redis("IP:127.0.0.1");
  const auto target = redis.target(redis.trust());
  RedisMachine machine(target);
  RedisWorker one(target);
  RedisWorker two(target);
  machine.check_completed(machine.submit(1), 1);
  machine.check_completed(machine.submit(20'000), 20'000);
}

TEST_CASE("both sides show who they are") {
  COREMACHINE_NEEDS_REDIS();
  const SecureRedis redis("IP:127.0.0.1", {"--tls-auth-clients", "yes"});
  const auto nobody = poll(redis.target(redis.trust()));
  REQUIRE_FALSE(nobody.has_value());
  CHECK(poll(redis.target(redis.trust() + redis.own())).has_value());
}

TEST_CASE("a certificate that is not trusted, for another host, or none: refused, and said why") {
  COREMACHINE_NEEDS_REDIS();
  const SecureRedis redis("DNS:elsewhere");
  const auto refused = [](const RedisTarget& target) {
    const auto answer = poll(target);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().kind == WorkerFault::Kind::not_allowed);
    return answer.error().what;
  };
  CHECK(refused(redis.target()).find("not to be trusted: self-signed certificate") != std::string::npos);
  CHECK(refused(redis.target(redis.trust())).find("IP address mismatch") != std::string::npos);
  CHECK(refused(redis.target("&ca_file=/nowhere.pem")).find("cannot read the certificates of /nowhere.pem") !=
        std::string::npos);
  CHECK(refused(redis.target(redis.trust() + "&tls_cert=/nowhere.crt&tls_key=/nowhere.key"))
            .find("cannot use the certificate /nowhere.crt") != std::string::npos);
}

}  // namespace
