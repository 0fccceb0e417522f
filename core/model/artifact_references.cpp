#include <algorithm>

#include <boost/json/basic_parser_impl.hpp>

#include <coremachine/model/artifact.hpp>
#include <coremachine/model/error.hpp>

#include "core/model/json_text.hpp"

namespace coremachine {

namespace {

constexpr std::string_view key = "$artifact";
/// How every escape of an ASCII character begins: with it, the key can be written in many ways.
constexpr std::string_view ascii_escape = "\\u00";
constexpr std::size_t id_size = 71;

/// Keeps the beginning of a text that comes in parts: as much as is needed to tell it from any other.
class Head {
 public:
  explicit Head(std::size_t limit) : limit_(limit) {}
  void add(json::string_view part) {
    // One more than the limit, so that what is too long is seen to be.
    text_.append(part.data(), std::min(part.size(), limit_ + 1 - text_.size()));
  }
  std::string_view text() const { return text_; }
  void clear() { text_.clear(); }

 private:
  std::size_t limit_;
  std::string text_ = {};
};

/// Sees the members of a text go by, and builds no value.
class ReferenceFinder {
 public:
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;

  std::vector<ArtifactId> take() { return std::move(found_); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return other_value(); }
  bool on_object_end(std::size_t, json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return other_value(); }
  bool on_array_end(std::size_t, json::error_code&) { return true; }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key_.add(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    key_.add(part);
    is_at_reference_ = key_.text() == key;
    key_.clear();
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    if (is_at_reference_) string_.add(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    if (!is_at_reference_) return true;
    string_.add(part);
    if (const auto id = ArtifactId::parse(string_.text())) found_.push_back(*id);
    string_.clear();
    return other_value();
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return other_value(); }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return other_value(); }
  bool on_double(double, json::string_view, json::error_code&) { return other_value(); }
  bool on_bool(bool, json::error_code&) { return other_value(); }
  bool on_null(json::error_code&) { return other_value(); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool other_value() {
    is_at_reference_ = false;
    return true;
  }

  std::vector<ArtifactId> found_ = {};
  Head key_{key.size()};
  Head string_{id_size};
  bool is_at_reference_ = false;
};

json::parse_options deep_enough() {
  json::parse_options options;
  constexpr std::size_t levels_around = 16;  // those of the documents that hold what handlers wrote
  options.max_depth = max_written_depth + levels_around;
  return options;
}

}  // namespace

std::vector<ArtifactId> find_references(std::string_view json_text) {
  if (json_text.find(key) == std::string_view::npos && json_text.find(ascii_escape) == std::string_view::npos) {
    return {};
  }
  ReferenceSearch search;
  search.add(json_text);
  return search.finish();
}

struct ReferenceSearch::Parser {
  json::basic_parser<ReferenceFinder> parser{deep_enough()};

  void write(bool more, std::string_view text) {
    json::error_code fault;
    const auto used = parser.write_some(more, text.data(), text.size(), fault);
    if (!fault && used == text.size()) return;
    throw Failure(Error{ErrorCode::store_damaged, "JSON that may name artifacts cannot be read: " +
                                                      (fault ? fault.message() : std::string("something follows it"))});
  }
};

ReferenceSearch::ReferenceSearch() : parser_(std::make_unique<Parser>()) {}
ReferenceSearch::~ReferenceSearch() = default;

void ReferenceSearch::add(std::string_view piece) {
  parser_->write(true, piece);
}

std::vector<ArtifactId> ReferenceSearch::finish() {
  parser_->write(false, {});
  auto found = parser_->parser.handler().take();
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace coremachine
