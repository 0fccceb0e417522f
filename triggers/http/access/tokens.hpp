#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>

namespace coremachine::http {

/// What somebody may do.
enum class Role : std::uint8_t {
  read,    ///< look at everything
  submit,  ///< that, start jobs, and act on them
  worker,  ///< look at everything, and take tasks and say what became of them; start no job
  admin,   ///< all of it, and change what concerns all: limits, schedules, bulk deletion
};

/// Whether somebody with the role `has` may do what needs `needed`.
constexpr bool may(Role has, Role needed) {
  return needed == Role::read || has == needed || has == Role::admin;
}

std::string_view to_string(Role role);
std::optional<Role> role_from(std::string_view name);

struct Caller {
  std::string name;  ///< as the file has it, else `line 3`
  Role role = Role::read;

  friend bool operator==(const Caller&, const Caller&) = default;
};

/// The secrets of those who may use the server, as hashes. No message has anything of a token in it.
class Tokens {
 public:
  /// One token a line: `TOKEN [ROLE [NAME]]`, separated by blanks; without a role it is `admin`. Empty lines, and what
  /// follows a `#` at the beginning of a line or after a blank, do not count. invalid_argument names `file` and line.
  static Result<Tokens> parse(std::string_view text, const std::string& file);

  /// Takes as long for every token.
  std::optional<Caller> find(std::string_view token) const;
  std::size_t size() const { return entries_.size(); }
  /// The lines whose tokens are so short that they can be guessed.
  const std::vector<std::size_t>& short_lines() const { return short_lines_; }

 private:
  using Hash = std::array<unsigned char, 32>;
  struct Entry {
    Hash hash;
    Caller caller;
    std::size_t line;
  };
  std::optional<Error> add(std::string_view line, std::size_t number, const std::string& file);

  std::vector<Entry> entries_ = {};
  std::vector<std::size_t> short_lines_ = {};
};

}  // namespace coremachine::http
