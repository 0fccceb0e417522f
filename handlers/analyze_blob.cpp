#include "handlers/analyze_blob.hpp"

#include <algorithm>
#include <string>

#include "handlers/container.hpp"
#include "handlers/media_type.hpp"
#include "handlers/sha256.hpp"

namespace coremachine::builtin {

void BlobParams::rules(params::Fields<BlobParams>& fields) {
  fields[&BlobParams::container_name].doc("a directory, or another container").min_length(1);
  fields[&BlobParams::name].min_length(1).check(stays_inside, "relative to the container, without \"..\"");
}

TaskResult analyze_blob(const BlobParams& params, TaskContext& context) {
  const auto content = open_container(params.container_name)->open(params.name);
  Sha256 sha256;
  std::uint64_t size = 0;
  std::string beginning;
  // Most files are small. One byte more, to see the end with the first read.
  constexpr std::uint64_t most_at_once = 256 * 1024;
  std::string buffer(std::clamp(content->size_hint() + 1, std::uint64_t{4096}, most_at_once), '\0');
  while (const auto n = content->read(buffer.data(), buffer.size())) {
    if (context.cancelled()) return TaskFailure{.type = "cancelled", .message = "the analysis was cancelled"};
    const std::string_view bytes(buffer.data(), n);
    if (beginning.size() < beginning_size) beginning += bytes.substr(0, beginning_size - beginning.size());
    sha256.update(bytes);
    size += n;
  }
  if (context.cancelled()) return TaskFailure{.type = "cancelled", .message = "the analysis was cancelled"};

  json::object result;
  result.emplace("name", params.name);
  result.emplace("size", size);
  const auto media_type = media_type_of(params.name, beginning);
  result.emplace("media_type", json::string_view(media_type.data(), media_type.size()));
  result.emplace("sha256", sha256.finish());
  return result;
}

TaskInfo analyze_blob_info() {
  return {.description = "Size, media type and SHA-256 of a blob", .tags = {"builtin", "storage"}};
}

}  // namespace coremachine::builtin
