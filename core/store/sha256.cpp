#include "core/store/sha256.hpp"

#include <stdexcept>

#include <openssl/evp.h>

namespace coremachine {

namespace {

EVP_MD_CTX* to_evp(void* context) {
  return static_cast<EVP_MD_CTX*>(context);
}

void require(bool done) {
  if (!done) throw std::runtime_error("the SHA-256 of the cryptographic library does not work");
}

}  // namespace

void Sha256::Free::operator()(void* context) const noexcept {
  EVP_MD_CTX_free(to_evp(context));
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  restart();
}

void Sha256::restart() {
  require(EVP_DigestInit_ex(to_evp(context_.get()), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(to_evp(context_.get()), bytes.data(), bytes.size()) == 1);
}

ArtifactId::Digest Sha256::finish() {
  ArtifactId::Digest digest{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(to_evp(context_.get()), digest.data(), &size) == 1 && size == digest.size());
  restart();
  return digest;
}

ArtifactId::Digest Sha256::of(std::string_view bytes) {
  Sha256 sha256;
  sha256.update(bytes);
  return sha256.finish();
}

}  // namespace coremachine
