#include "triggers/http/wire/chunk_decoder.hpp"

#include <algorithm>
#include <utility>

#include <boost/assert.hpp>

#include "triggers/http/wire/characters.hpp"
#include "triggers/http/wire/lines.hpp"

namespace coremachine::http {
namespace {

constexpr std::size_t longest_size_line = 256;
constexpr std::size_t most_size_digits = 16;
constexpr std::size_t most_extensions = 4 * 1024;
constexpr std::size_t most_trailers = 4 * 1024;

/// Walks over `;name=value;name="value"`.
class ExtensionReader {
 public:
  explicit ExtensionReader(std::string_view text) : text_(text) {}

  bool is_sound() {
    while (at_ < text_.size()) {
      blanks();
      if (!accept(';')) return false;
      blanks();
      if (!token()) return false;
      const auto name_end = at_;
      blanks();
      if (!accept('=')) {
        // White space that neither `=` nor `;` follows belongs to nothing.
        if (at_ == text_.size() && at_ != name_end) return false;
        continue;
      }
      blanks();
      if (!quoted() && !token()) return false;
    }
    return true;
  }

 private:
  void blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool accept(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool token() {
    const auto begin = at_;
    while (at_ < text_.size() && is_token_char(text_[at_])) ++at_;
    return at_ > begin;
  }
  bool quoted() {
    if (!accept('"')) return false;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
      if (at_ == text_.size() || !is_text_char(text_[at_])) return false;
    }
    return accept('"');
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool belongs_into_head(std::string_view name) {
  return name == "host" || name == "content-length" || name == "transfer-encoding";
}

}  // namespace

ChunkDecoder::Verdict ChunkDecoder::fail(std::string fault) {
  fault_ = std::move(fault);
  return Verdict::malformed;
}

ChunkDecoder::Verdict ChunkDecoder::decode(std::string_view bytes, std::size_t& used, std::string* body) {
  used = 0;
  for (;;) {
    std::size_t step = 0;
    const auto rest = bytes.substr(used);
    auto verdict = Verdict::done;
    switch (part_) {
      case Part::size: verdict = decode_size(rest, step); break;
      case Part::data: verdict = decode_data(rest, step, body); break;
      case Part::data_end: verdict = decode_data_end(rest, step); break;
      case Part::trailers: verdict = decode_trailer(rest, step); break;
      case Part::done: return Verdict::done;
    }
    used += step;
    // Of a part, done means: on to the next.
    if (verdict != Verdict::done) return verdict;
  }
}

ChunkDecoder::Verdict ChunkDecoder::decode_size(std::string_view bytes, std::size_t& used) {
  std::size_t size = 0;
  switch (const auto end = find_line(bytes, longest_size_line, scanned_, size)) {
    case LineEnd::found: break;
    case LineEnd::not_yet: return Verdict::needs_more;
    case LineEnd::too_long: return fail("the line of a chunk is longer than 256 bytes");
    case LineEnd::bare_cr:
    case LineEnd::bare_lf: return fail(std::string(fault_of(end)));
  }
  used = size + 2;
  return read_size(bytes.substr(0, size));
}

ChunkDecoder::Verdict ChunkDecoder::read_size(std::string_view line) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
    if (digits == most_size_digits) return fail("the size of a chunk has more than 16 digits");
    size = size * 16 + static_cast<unsigned>(hex_digit(line[digits]));
  }
  if (digits == 0) return fail("a chunk does not begin with its size in hexadecimal digits");
  const auto extensions = line.substr(digits);
  extensions_ += extensions.size();
  if (extensions_ > most_extensions) return fail("the extensions of the chunks have more than 4 KiB");
  if (!ExtensionReader(extensions).is_sound()) return fail("what follows the size of a chunk is no chunk extension");
  if (size > limit_ - size_) return Verdict::too_long;
  size_ += size;
  rest_ = size;
  part_ = size > 0 ? Part::data : Part::trailers;
  return Verdict::done;
}

ChunkDecoder::Verdict ChunkDecoder::decode_data(std::string_view bytes, std::size_t& used, std::string* body) {
  used = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), rest_));
  if (body != nullptr) body->append(bytes.substr(0, used));
  rest_ -= used;
  if (rest_ > 0) return Verdict::needs_more;
  part_ = Part::data_end;
  return Verdict::done;
}

ChunkDecoder::Verdict ChunkDecoder::decode_data_end(std::string_view bytes, std::size_t& used) {
  constexpr std::string_view end = "\r\n";
  const auto seen = bytes.substr(0, end.size());
  if (!end.starts_with(seen)) return fail("a chunk is longer than its size says, or does not end in CRLF");
  if (seen.size() < end.size()) return Verdict::needs_more;
  used = end.size();
  part_ = Part::size;
  return Verdict::done;
}

ChunkDecoder::Verdict ChunkDecoder::decode_trailer(std::string_view bytes, std::size_t& used) {
  std::size_t size = 0;
  switch (const auto end = find_line(bytes, most_trailers - trailers_, scanned_, size)) {
    case LineEnd::found: break;
    case LineEnd::not_yet: return Verdict::needs_more;
    case LineEnd::too_long: return fail("the trailer fields have more than 4 KiB");
    case LineEnd::bare_cr:
    case LineEnd::bare_lf: return fail(std::string(fault_of(end)));
  }
  used = size + 2;
  trailers_ += used;
  if (size == 0) {
    part_ = Part::done;
    return Verdict::done;
  }
  Field field;
  if (auto fault = read_field(bytes.substr(0, size), field)) return fail("in the trailer, " + *fault);
  if (belongs_into_head(field.name))
    return fail("the field " + field.name + " is in the trailer; it belongs into the head");
  return Verdict::done;
}

}  // namespace coremachine::http
