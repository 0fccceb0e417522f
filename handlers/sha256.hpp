#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace coremachine::builtin {

/// A SHA-256 in the making, at the speed of the processor's own instructions. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  /// 64 lower-case hexadecimal digits; once.
  std::string finish();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace coremachine::builtin
