#include "triggers/http/access/tokens.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace coremachine::http {

namespace {

constexpr std::size_t shortest = 16;
constexpr std::string_view blanks = " \t\r";
constexpr std::array<std::pair<Role, std::string_view>, 4> roles{
    {{Role::read, "read"}, {Role::submit, "submit"}, {Role::worker, "worker"}, {Role::admin, "admin"}}};

std::array<unsigned char, 32> hash_of(std::string_view text) {
  std::array<unsigned char, 32> hash{};
  if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL cannot do SHA-256");
  }
  return hash;
}

/// Up to the next blank; it is taken off the front.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const auto word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || blanks.find(line[i - 1]) != std::string_view::npos)) line = line.substr(0, i);
  }
  const auto last = line.find_last_not_of(blanks);
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::string_view to_string(Role role) {
  for (const auto& [known, name] : roles) {
    if (known == role) return name;
  }
  return {};
}

std::optional<Role> role_from(std::string_view name) {
  for (const auto& [role, known] : roles) {
    if (known == name) return role;
  }
  return std::nullopt;
}

std::optional<Error> Tokens::add(std::string_view line, std::size_t number, const std::string& file) {
  const auto refuse = [&](const std::string& what) {
    return Error{ErrorCode::invalid_argument, file + ", line " + std::to_string(number) + ": " + what};
  };
  const auto token = take_word(line);
  if (token.empty()) return std::nullopt;
  // What is wrong is not repeated: where words are in the wrong places, any of them may be the secret.
  if (!is_printable(token)) return refuse("a token is made of printable ASCII characters");
  if (role_from(token)) return refuse("the token comes first, then its role");
  const auto role_name = take_word(line);
  const auto role = role_name.empty() ? Role::admin : role_from(role_name);
  if (!role) return refuse("the second word should be read, submit, worker or admin");
  const auto name = take_word(line);
  if (!take_word(line).empty()) return refuse("there are more than three words: TOKEN ROLE NAME");
  if (!is_printable(name)) return refuse("a name is made of printable ASCII characters");
  const auto hash = hash_of(token);
  for (const auto& entry : entries_) {
    if (entry.hash == hash) return refuse("the same token as in line " + std::to_string(entry.line));
  }
  if (token.size() < shortest) short_lines_.push_back(number);
  auto called = name.empty() ? "line " + std::to_string(number) : std::string(name);
  entries_.push_back({hash, {std::move(called), *role}, number});
  return std::nullopt;
}

Result<Tokens> Tokens::parse(std::string_view text, const std::string& file) {
  Tokens tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto error = tokens.add(without_comment(text.substr(0, end)), number, file)) return *std::move(error);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (tokens.entries_.empty()) {
    return Error{ErrorCode::invalid_argument, file + ": there is no token in it; a line is TOKEN ROLE NAME"};
  }
  return tokens;
}

std::optional<Caller> Tokens::find(std::string_view token) const {
  const auto hash = hash_of(token);
  const Entry* found = nullptr;
  for (const auto& entry : entries_) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  return found ? std::optional(found->caller) : std::nullopt;
}

}  // namespace coremachine::http
