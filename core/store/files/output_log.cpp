#include "core/store/files/output_log.hpp"

#include <algorithm>

#include "core/store/files/trailer.hpp"

namespace coremachine::files {

namespace {

constexpr std::string_view magic = "coremachine-out1";
constexpr std::size_t length_size = 4;
constexpr std::size_t record_header_size = 2 * length_size + check_size;
constexpr std::size_t read_size = std::size_t{256} << 10U;

std::string check_of_record(const OutputRecord& record) {
  std::string checked;
  checked.reserve(2 * length_size + record.key.size() + record.bytes.size());
  append_number(checked, record.key.size(), length_size);
  append_number(checked, record.bytes.size(), length_size);
  checked.append(record.key).append(record.bytes);
  return check_of(checked);
}

}  // namespace

std::string encode_output_header(std::uint64_t durable) {
  std::string out(magic);
  append_number(out, durable, 8);
  return out + check_of(out);
}

std::optional<std::uint64_t> decode_output_header(std::string_view bytes) {
  if (bytes.size() != output_header_size || !bytes.starts_with(magic)) return std::nullopt;
  const auto checked = output_header_size - check_size;
  if (bytes.substr(checked) != check_of(bytes.substr(0, checked))) return std::nullopt;
  return read_number(bytes, magic.size(), 8);
}

void append_output_record(std::string& out, const OutputRecord& record) {
  append_number(out, record.key.size(), length_size);
  append_number(out, record.bytes.size(), length_size);
  out.append(check_of_record(record)).append(record.key).append(record.bytes);
}

Result<bool> OutputScanner::fill(std::size_t n) {
  if (buffer_.size() - begin_ >= n) return true;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const auto had = buffer_.size();
  buffer_.resize(std::max(n, read_size));
  const auto got = file_.read(offset_ + had, buffer_.data() + had, buffer_.size() - had);
  if (!got) return got.error();
  buffer_.resize(had + *got);
  return buffer_.size() >= n;
}

Result<std::optional<OutputRecord>> OutputScanner::next() {
  const auto has_header = fill(record_header_size);
  if (!has_header) return has_header.error();
  if (!*has_header) return std::nullopt;
  const std::string_view header(buffer_.data() + begin_, record_header_size);
  const auto key_size = static_cast<std::size_t>(read_number(header, 0, length_size));
  const auto bytes_size = static_cast<std::size_t>(read_number(header, length_size, length_size));
  if (key_size == 0 || key_size > max_output_key_size || bytes_size > max_output_record_size) return std::nullopt;

  const auto whole_size = record_header_size + key_size + bytes_size;
  const auto has_all = fill(whole_size);
  if (!has_all) return has_all.error();
  if (!*has_all) return std::nullopt;
  const std::string_view whole(buffer_.data() + begin_, whole_size);
  const OutputRecord record{whole.substr(record_header_size, key_size), whole.substr(record_header_size + key_size)};
  if (whole.substr(2 * length_size, check_size) != check_of_record(record)) return std::nullopt;
  begin_ += whole_size;
  offset_ += whole_size;
  return record;
}

}  // namespace coremachine::files
