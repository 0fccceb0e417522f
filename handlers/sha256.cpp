#include "handlers/sha256.hpp"

#include <array>
#include <stdexcept>

#include <openssl/evp.h>

namespace coremachine::builtin {

namespace {

void require(bool done) {
  if (!done) throw std::runtime_error("the SHA-256 of the cryptographic library does not work");
}

/// Looked up once: EVP_sha256() makes the library search its providers each time.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(found != nullptr);
  return found;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ && EVP_DigestInit_ex(context_, algorithm(), nullptr) == 1) return;
  EVP_MD_CTX_free(context_);
  require(false);
}
Sha256::~Sha256() {
  EVP_MD_CTX_free(context_);
}

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_, digest.data(), &size) == 1);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) text.append({hex[digest[i] >> 4U], hex[digest[i] & 15U]});
  return text;
}

}  // namespace coremachine::builtin
