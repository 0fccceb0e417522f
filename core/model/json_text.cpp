#include "core/model/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "core/model/json_pointer.hpp"
#include "core/model/utf8.hpp"

namespace coremachine {

namespace {

enum class ByteClass : std::uint8_t { plain, escaped, wide };

constexpr auto byte_classes = [] {
  std::array<ByteClass, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    if (byte < 0x20 || byte == '"' || byte == '\\') {
      table[byte] = ByteClass::escaped;
    } else if (byte >= 0x80) {
      table[byte] = ByteClass::wide;
    }
  }
  return table;
}();

std::string_view view_of(const json::string& text) {
  return {text.data(), text.size()};
}
std::string_view view_of(json::string_view text) {
  return {text.data(), text.size()};
}

/// Writes as long as nothing is wrong. Where it is wrong is found by a second walk, so that the first need not know.
template <class Out>
class Writer {
 public:
  explicit Writer(Out& out) : out_(out) {}

  bool write(const json::value& value, std::size_t depth) {
    switch (value.kind()) {
      case json::kind::null: out_.append("null", 4); return true;
      case json::kind::bool_:
        if (value.get_bool()) {
          out_.append("true", 4);
        } else {
          out_.append("false", 5);
        }
        return true;
      case json::kind::int64: write_number(value.get_int64()); return true;
      case json::kind::uint64: write_number(value.get_uint64()); return true;
      case json::kind::double_: return write_double(value.get_double());
      case json::kind::string: return write_string(view_of(value.get_string()));
      case json::kind::array: return write_array(value.get_array(), depth);
      case json::kind::object: return write_object(value.get_object(), depth);
    }
    return false;
  }

  bool write_object(const json::object& object, std::size_t depth) {
    if (depth >= max_written_depth) return false;
    char before = '{';
    for (const auto& member : object) {
      out_.push_back(before);
      before = ',';
      if (!write_string(view_of(member.key()))) return false;
      out_.push_back(':');
      if (!write(member.value(), depth + 1) || is_full()) return false;
    }
    if (object.empty()) out_.push_back('{');
    out_.push_back('}');
    return true;
  }

 private:
  bool write_array(const json::array& array, std::size_t depth) {
    if (depth >= max_written_depth) return false;
    char before = '[';
    for (const auto& element : array) {
      out_.push_back(before);
      before = ',';
      if (!write(element, depth + 1) || is_full()) return false;
    }
    if (array.empty()) out_.push_back('[');
    out_.push_back(']');
    return true;
  }

  template <class Integer>
  void write_number(Integer number) {
    std::array<char, 24> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    out_.append(text.data(), static_cast<std::size_t>(end - text.data()));
  }

  bool write_double(double number) {
    if (!std::isfinite(number)) return false;
    std::array<char, 32> text;
    auto* end = std::to_chars(text.data(), text.data() + text.size() - 2, number).ptr;
    const std::string_view shortest(text.data(), static_cast<std::size_t>(end - text.data()));
    if (shortest.find_first_of(".e") == std::string_view::npos) {
      *end++ = '.';
      *end++ = '0';
    }
    out_.append(text.data(), static_cast<std::size_t>(end - text.data()));
    return true;
  }

  bool is_full() const {
    if constexpr (requires { out_.is_full(); }) return out_.is_full();
    return false;
  }

  bool write_string(std::string_view text) {
    if constexpr (requires { out_.has_room(text.size()); }) {
      if (!out_.has_room(text.size())) return false;
    }
    out_.push_back('"');
    std::size_t done = 0;
    std::size_t at = 0;
    while (true) {
      while (at < text.size() && byte_classes[static_cast<unsigned char>(text[at])] == ByteClass::plain) ++at;
      if (at == text.size()) break;
      switch (byte_classes[static_cast<unsigned char>(text[at])]) {
        case ByteClass::plain: break;
        case ByteClass::escaped:
          out_.append(text.data() + done, at - done);
          write_escape(text[at]);
          done = ++at;
          break;
        case ByteClass::wide: {
          const auto length = utf8_length(text, at);
          if (length == 0) return false;
          at += length;
          break;
        }
      }
    }
    out_.append(text.data() + done, at - done);
    out_.push_back('"');
    return true;
  }

  void write_escape(char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    constexpr std::string_view named = "\"\\\b\f\n\r\t";
    constexpr std::string_view names = "\"\\bfnrt";
    out_.push_back('\\');
    if (const auto which = named.find(c); which != std::string_view::npos) {
      out_.push_back(names[which]);
      return;
    }
    const auto byte = static_cast<unsigned char>(c);
    const char digits[] = {'u', '0', '0', hex[byte >> 4U], hex[byte & 15U]};
    out_.append(digits, sizeof digits);
  }

  Out& out_;
};

/// A string that takes so much and no more.
class Within {
 public:
  Within(std::string& out, std::size_t limit) : out_(out), end_(out.size() + limit) {}
  void push_back(char c) { out_.push_back(c); }
  void append(const char* text, std::size_t size) { out_.append(text, size); }
  bool has_room(std::size_t size) {
    if (out_.size() + size > end_) over_ = true;
    return !over_;
  }
  bool is_full() { return !has_room(0); }

 private:
  std::string& out_;
  std::size_t end_;
  bool over_ = false;
};

/// Gathers small pieces, so that each is worth a call.
class Pieces {
 public:
  explicit Pieces(const TakeText& take) : take_(take) { gathered_.reserve(piece_size); }
  void push_back(char c) {
    gathered_.push_back(c);
    if (gathered_.size() >= piece_size) flush();
  }
  void append(const char* text, std::size_t size) {
    if (gathered_.size() + size < piece_size) {
      gathered_.append(text, size);
      return;
    }
    flush();
    if (size < piece_size) {
      gathered_.append(text, size);
    } else {
      give({text, size});
    }
  }
  bool is_full() const { return refused_; }
  bool flush() {
    if (!gathered_.empty()) give(gathered_);
    gathered_.clear();
    return !refused_;
  }

 private:
  static constexpr std::size_t piece_size = std::size_t{64} << 10U;
  void give(std::string_view piece) { refused_ = refused_ || !take_(piece); }

  const TakeText& take_;
  std::string gathered_;
  bool refused_ = false;
};

template <class Out>
bool write_to(Out& out, const json::value& value) {
  return Writer<Out>(out).write(value, 0);
}
template <class Out>
bool write_to(Out& out, const json::object& object) {
  return Writer<Out>(out).write_object(object, 0);
}

/// Finds what the writer stumbled over, in the same order.
class FaultFinder {
 public:
  std::string find(const json::object& object) { return visit(object, 0) ? message_ : std::string(); }
  std::string find(const json::value& value) { return visit(value, 0) ? message_ : std::string(); }

 private:
  bool visit(const json::object& object, std::size_t depth) {
    if (depth >= max_written_depth) return too_deep();
    for (const auto& member : object) {
      const auto size = pointer_.size();
      push(view_of(member.key()));
      if (find_invalid_utf8(view_of(member.key())) != std::string_view::npos)
        return fault("the key is not valid UTF-8");
      if (visit(member.value(), depth + 1)) return true;
      pointer_.resize(size);
    }
    return false;
  }

  bool visit(const json::array& array, std::size_t depth) {
    if (depth >= max_written_depth) return too_deep();
    std::size_t index = 0;
    for (const auto& element : array) {
      const auto size = pointer_.size();
      push(std::to_string(index++));
      if (visit(element, depth + 1)) return true;
      pointer_.resize(size);
    }
    return false;
  }

  bool visit(const json::value& value, std::size_t depth) {
    if (const auto* object = value.if_object()) return visit(*object, depth);
    if (const auto* array = value.if_array()) return visit(*array, depth);
    if (const auto* number = value.if_double(); number && !std::isfinite(*number)) {
      return fault(std::isnan(*number) ? "the number is NaN, which JSON cannot say"
                                       : "the number is infinite, which JSON cannot say");
    }
    if (const auto* text = value.if_string(); text && find_invalid_utf8(view_of(*text)) != std::string_view::npos) {
      return fault("the string is not valid UTF-8");
    }
    return false;
  }

  bool too_deep() { return fault("nested deeper than " + std::to_string(max_written_depth) + " levels"); }
  bool fault(std::string what) {
    message_ = pointer_ + ": " + std::move(what);
    return true;
  }

  void push(std::string_view key) { append_pointer_token(pointer_, key); }

  std::string pointer_ = "#";
  std::string message_ = {};
};

template <class Value>
std::optional<std::string> append(std::string& out, const Value& value) {
  const auto before = out.size();
  if (write_to(out, value)) return std::nullopt;
  out.resize(before);
  return FaultFinder().find(value);
}

template <class Value>
Appended append_within(std::string& out, const Value& value, std::size_t limit) {
  const auto before = out.size();
  Within within(out, std::min(limit, out.max_size() - before));
  const bool done = write_to(within, value);
  if (done && !within.is_full()) return Appended::done;
  out.resize(before);
  return within.is_full() ? Appended::too_long : Appended::not_json;
}

template <class Value>
bool write_pieces(const Value& value, const TakeText& take) {
  Pieces pieces(take);
  return write_to(pieces, value) && pieces.flush();
}

template <class Value>
std::optional<std::string> fault_of(const Value& value) {
  auto fault = FaultFinder().find(value);
  return fault.empty() ? std::nullopt : std::optional(std::move(fault));
}

}  // namespace

std::optional<std::string> append_json(std::string& out, const json::value& value) {
  return append(out, value);
}
std::optional<std::string> append_json(std::string& out, const json::object& object) {
  return append(out, object);
}
Appended append_json_within(std::string& out, const json::value& value, std::size_t limit) {
  return append_within(out, value, limit);
}
Appended append_json_within(std::string& out, const json::object& object, std::size_t limit) {
  return append_within(out, object, limit);
}
bool write_json(const json::value& value, const TakeText& take) {
  return write_pieces(value, take);
}
bool write_json(const json::object& object, const TakeText& take) {
  return write_pieces(object, take);
}
std::optional<std::string> fault_of_json(const json::value& value) {
  return fault_of(value);
}
std::optional<std::string> fault_of_json(const json::object& object) {
  return fault_of(object);
}

std::string_view element_at(std::string_view json_array, const std::vector<std::uint32_t>& ends, std::size_t i) {
  if (i >= ends.size()) return "null";
  const auto begin = i == 0 ? json_array.find('[') + 1 : ends[i - 1] + 1;
  auto text = json_array.substr(begin, ends[i] - begin);
  const auto skipped = text.find_first_not_of(" \t\r\n,");
  return skipped == std::string_view::npos ? "null" : text.substr(skipped);
}

}  // namespace coremachine
