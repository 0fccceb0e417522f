#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace coremachine::http::test {

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

/// Writes a certificate that signs itself, and its key, as NAME.crt and NAME.key. `seconds`: from now until it expires.
inline CertificateFiles make_certificate(const std::string& folder, const std::string& name, long seconds = 3'600,
                                         const char* pass_phrase = nullptr) {
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
  using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;
  const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const Certificate certificate(X509_new(), &X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7'200);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds);
  X509_set_pubkey(certificate.get(), key.get());
  auto* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  CertificateFiles files{folder + "/" + name + ".crt", folder + "/" + name + ".key"};
  const File certificate_file(std::fopen(files.certificate.c_str(), "w"), &std::fclose);
  PEM_write_X509(certificate_file.get(), certificate.get());
  const File key_file(std::fopen(files.key.c_str(), "w"), &std::fclose);
  PEM_write_PKCS8PrivateKey(key_file.get(), key.get(), pass_phrase ? EVP_aes_128_cbc() : nullptr, nullptr, 0, nullptr,
                            const_cast<char*>(pass_phrase));
  return files;
}

}  // namespace coremachine::http::test
