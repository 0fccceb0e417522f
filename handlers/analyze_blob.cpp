#include "handlers/analyze_blob.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <openssl/evp.h>

#include "handlers/media_type.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace fs = std::filesystem;

namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(std::string_view bytes) { require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) text.append({hex[digest[i] >> 4U], hex[digest[i] & 15U]});
    return text;
  }

 private:
  static void require(bool done) {
    if (!done) throw std::runtime_error("the SHA-256 of the cryptographic library does not work");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Whether a name stays inside of its container: relative, and without a part that leads up.
bool stays_inside(const fs::path& name) {
  return name.is_relative() &&
         std::none_of(name.begin(), name.end(), [](const fs::path& part) { return part == ".."; });
}

fs::path path_of_blob(const std::string& container, const std::string& name) {
  auto path = fs::path(container) / name;
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::regular) return path;
  const bool is_gone = status.type() == fs::file_type::not_found;
  throw TaskFailure{.type = is_gone ? "not_found" : "not_a_file",
                    .message = quoted_path(path.string()) + (is_gone ? " does not exist (any more)"
                                                             : error ? " cannot be read: " + error.message()
                                                                     : std::string(" is no regular file")),
                    .kind = error && !is_gone ? TaskFailure::Kind::retry : TaskFailure::Kind::permanent};
}

[[noreturn]] void fail_reading(const fs::path& path) {
  throw TaskFailure{.type = "io_error", .message = quoted_path(path.string()) + " cannot be read"};
}

}  // namespace

void BlobParams::rules(params::Fields<BlobParams>& fields) {
  fields[&BlobParams::container_name].doc("a directory").min_length(1);
  fields[&BlobParams::name].min_length(1).check(stays_inside, "relative to the container, without \"..\"");
}

TaskResult analyze_blob(const BlobParams& params, TaskContext& context) {
  const auto path = path_of_blob(params.container_name, params.name);

  std::ifstream file(path, std::ios::binary);
  if (!file) fail_reading(path);
  Sha256 sha256;
  std::uint64_t size = 0;
  std::string beginning;
  std::string buffer(256 * 1024, '\0');
  while (file) {
    if (context.cancelled()) return TaskFailure{.type = "cancelled", .message = "the analysis was cancelled"};
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(file.gcount()));
    if (size == 0) beginning = bytes.substr(0, beginning_size);
    sha256.update(bytes);
    size += bytes.size();
  }
  if (!file.eof()) fail_reading(path);

  json::object result;
  result.emplace("name", params.name);
  result.emplace("size", size);
  const auto media_type = media_type_of(params.name, beginning);
  result.emplace("media_type", json::string_view(media_type.data(), media_type.size()));
  result.emplace("sha256", sha256.finish());
  return result;
}

TaskInfo analyze_blob_info() {
  return {.description = "Size, media type and SHA-256 of a file", .tags = {"builtin", "storage"}};
}

}  // namespace coremachine::builtin
