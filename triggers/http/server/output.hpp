#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace coremachine::http {

/// Bytes on their way to a socket.
class Output {
 public:
  bool empty() const { return begin_ == text_.size(); }
  std::size_t size() const { return text_.size() - begin_; }
  std::string_view view() const { return std::string_view(text_).substr(begin_); }
  /// To be appended to.
  std::string& text() { return text_; }

  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ < text_.size() && begin_ < compact_at) return;
    text_.erase(0, begin_);
    begin_ = 0;
  }

  bool has_buffer() const { return text_.capacity() > std::string().capacity(); }
  /// Changes the buffer, while it is empty, for another one.
  std::string exchange_buffer(std::string other) {
    begin_ = 0;
    other.clear();
    return std::exchange(text_, std::move(other));
  }

 private:
  static constexpr std::size_t compact_at = 256 * 1024;
  std::string text_;
  std::size_t begin_ = 0;
};

}  // namespace coremachine::http
