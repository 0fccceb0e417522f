#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace coremachine::params {

/// A regular expression. It is matched with a bounded stack and a bounded number of steps, whatever the text is:
/// std::regex has neither bound, and ends the process on a text of some hundred thousand characters.
class Pattern {
 public:
  explicit Pattern(std::string_view expression);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  const std::string& expression() const { return expression_; }
  /// False also for a text on which the expression would take too long.
  bool is_found_in(std::string_view text) const;

 private:
  struct Compiled;
  std::string expression_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace coremachine::params
