#include "core/ports/artifacts.hpp"

#include <utility>

namespace coremachine {

Result<std::string> ArtifactReader::read_all(std::uint64_t limit) {
  if (size() > limit) {
    return Error{ErrorCode::invalid_argument, "the artifact " + info().id.str() + " has " + std::to_string(size()) +
                                                  " bytes, more than " + std::to_string(limit)};
  }
  std::string bytes(static_cast<std::size_t>(size()), '\0');
  const auto got = read(0, bytes.data(), bytes.size());
  if (!got) return got.error();
  if (*got != bytes.size()) {
    return Error{ErrorCode::store_damaged, "the artifact " + info().id.str() + " is damaged: its end is missing"};
  }
  return bytes;
}

Result<std::size_t> ArtifactAppender::append(std::string_view key, std::string_view bytes) {
  const OutputRecord record{key, bytes};
  return append(std::span(&record, 1));
}

Result<Pinned> ArtifactStore::put(std::string_view bytes, std::string_view media_type) {
  auto writer = begin(media_type);
  if (!writer) return writer.error();
  if (const auto written = (*writer)->write(bytes); !written) return written.error();
  return (*writer)->finish();
}

std::optional<Error> fault_of_media_type(std::string_view media_type) {
  if (is_media_type(media_type)) return std::nullopt;
  return Error{ErrorCode::invalid_argument,
               "a media type is 1 to 200 printable ASCII characters with a slash among them"};
}

std::optional<Error> fault_of_records(std::span<const OutputRecord> records) {
  for (const auto& record : records) {
    if (record.key.empty()) return Error{ErrorCode::invalid_argument, "a record of an output needs a key"};
    if (record.key.size() > max_output_key_size) {
      return Error{ErrorCode::invalid_argument, "the key of a record has " + std::to_string(record.key.size()) +
                                                    " bytes, more than " + std::to_string(max_output_key_size)};
    }
    if (record.bytes.size() > max_output_record_size) {
      return Error{ErrorCode::invalid_argument, "a record has " + std::to_string(record.bytes.size()) +
                                                    " bytes, more than " + std::to_string(max_output_record_size)};
    }
  }
  return std::nullopt;
}

std::optional<Error> fault_of_output_name(std::string_view name) {
  if (is_valid_name(name)) return std::nullopt;
  return Error{ErrorCode::invalid_name, "the name of an output is made of " + std::string(name_rule)};
}

Error missing_artifact(const ArtifactId& id) {
  return Error{artifact_missing, "there is no artifact " + id.str()};
}

Error pinned_artifact(const ArtifactId& id) {
  return Error{ErrorCode::wrong_state, "the artifact " + id.str() + " is in use"};
}

}  // namespace coremachine
