#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace coremachine {

/// A queue that costs nothing while it is empty: a std::deque takes its first half kilobyte when it is made, and every
/// small job would pay for it.
template <class T>
class Fifo {
 public:
  using iterator = typename std::vector<T>::iterator;
  using const_iterator = typename std::vector<T>::const_iterator;

  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  std::size_t room() const { return items_.capacity(); }
  const T& front() const { return items_[head_]; }
  iterator begin() { return items_.begin() + offset(); }
  iterator end() { return items_.end(); }
  const_iterator begin() const { return items_.begin() + offset(); }
  const_iterator end() const { return items_.end(); }

  void push_back(T item) { items_.push_back(std::move(item)); }
  void pop_front() {
    ++head_;
    tidy();
  }
  void erase(const_iterator which) {
    items_.erase(which);
    tidy();
  }

 private:
  static constexpr std::size_t few = 64;  ///< whose room may be kept
  /// In whole as much work as there were items.
  void tidy() {
    if (empty()) {
      items_.clear();
      if (room() > few) items_.shrink_to_fit();
      head_ = 0;
    } else if (head_ >= few && head_ > size()) {
      items_.erase(items_.begin(), begin());
      head_ = 0;
    }
  }
  std::ptrdiff_t offset() const { return static_cast<std::ptrdiff_t>(head_); }

  std::vector<T> items_ = {};
  std::size_t head_ = 0;  ///< those before it are gone
};

}  // namespace coremachine
