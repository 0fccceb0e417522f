#include "triggers/http/access/access.hpp"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "triggers/http/wire/authority.hpp"

namespace coremachine::http {

namespace {

constexpr std::size_t largest_file = 1024 * 1024;
constexpr std::size_t longest_credentials = 4'096;

struct Contents {
  std::string text;
  ::mode_t mode = 0;
};

class Descriptor {
 public:
  explicit Descriptor(const std::string& file) : number_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Result<Contents> read_file(const std::string& file) {
  const auto refuse = [&](const std::string& what) {
    return Error{ErrorCode::invalid_argument, file + ": cannot read the tokens: " + what};
  };
  const Descriptor descriptor(file);
  struct stat about {};
  if (descriptor.number() < 0 || ::fstat(descriptor.number(), &about) != 0) {
    return refuse(std::generic_category().message(errno));
  }
  Contents contents{{}, about.st_mode};
  std::array<char, 4'096> buffer{};
  for (;;) {
    const auto got = ::read(descriptor.number(), buffer.data(), buffer.size());
    if (got < 0) return refuse(std::generic_category().message(errno));
    if (got == 0) return contents;
    contents.text.append(buffer.data(), static_cast<std::size_t>(got));
    if (contents.text.size() > largest_file) return refuse("it is larger than 1 MiB");
  }
}

bool equal_without_case(std::string_view text, std::string_view lower_case) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

/// What follows the first colon of `name:password` in base64.
std::optional<std::string> password_of(std::string_view encoded) {
  if (encoded.empty() || encoded.size() % 4 != 0) return std::nullopt;
  std::string text(encoded.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(encoded.data()), static_cast<int>(encoded.size()));
  if (size < 0) return std::nullopt;
  const auto padding = encoded.ends_with("==") ? 2u : encoded.ends_with('=') ? 1u : 0u;
  text.resize(static_cast<std::size_t>(size) - padding);
  const auto colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return text.substr(colon + 1);
}

/// The token that comes with a request.
std::optional<std::string> token_of(const Request& request) {
  const auto* credentials = request.find("authorization");
  if (!credentials || credentials->size() > longest_credentials) return std::nullopt;
  const auto space = credentials->find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto begin = credentials->find_first_not_of(' ', space);
  if (begin == std::string::npos) return std::nullopt;
  const auto scheme = std::string_view(*credentials).substr(0, space);
  const auto rest = std::string_view(*credentials).substr(begin);
  if (equal_without_case(scheme, "bearer")) return std::string(rest);
  if (equal_without_case(scheme, "basic")) return password_of(rest);
  return std::nullopt;
}

Refusal refuse_unknown(const Request& request) {
  Refusal refusal{401, {}, {}, false};
  if (request.find("authorization")) {
    refusal.detail = "the token is not known here";
    refusal.fields.push_back({"www-authenticate", R"(Bearer realm="coremachine", error="invalid_token")"});
  } else {
    refusal.detail = "this needs a token: send it as Authorization: Bearer TOKEN";
    refusal.fields.push_back({"www-authenticate", R"(Bearer realm="coremachine")"});
  }
  // A browser that is shown a page asks its user for the password of Basic; a program should not be told of it.
  const auto* mode = request.find("sec-fetch-mode");
  if (mode && *mode == "navigate") {
    refusal.fields.push_back({"www-authenticate", R"(Basic realm="coremachine", charset="UTF-8")"});
  }
  return refusal;
}

}  // namespace

Access::Access(AccessOptions options, Site site) : options_(std::move(options)), site_(std::move(site)) {}

Result<std::unique_ptr<Access>> Access::open(AccessOptions options) {
  auto site = Site::make(options.listen, options.allow_hosts);
  if (!site) return site.error();
  std::unique_ptr<Access> access(new Access(std::move(options), *std::move(site)));
  if (access->has_tokens()) {
    if (auto error = access->reload()) return *std::move(error);
  }
  return access;
}

std::optional<Error> Access::reload() {
  if (!has_tokens()) return std::nullopt;
  const auto& file = options_.token_file;
  const auto contents = read_file(file);
  if (!contents) return contents.error();
  auto tokens = Tokens::parse(contents->text, file);
  if (!tokens) return tokens.error();
  const auto warn = [&](const std::string& what) {
    if (options_.warn) options_.warn(file + what);
  };
  if ((contents->mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    warn(": others than its owner can read or change the tokens; chmod 600 takes that away");
  }
  for (const auto line : tokens->short_lines()) {
    warn(", line " + std::to_string(line) +
         ": the token is so short that it can be guessed; openssl rand -hex 32 makes a better one");
  }
  auto fresh = std::make_shared<const Tokens>(*std::move(tokens));
  const std::scoped_lock lock(mutex_);
  tokens_ = std::move(fresh);
  return std::nullopt;
}

std::optional<Caller> Access::identify(const Request& request) const {
  std::shared_ptr<const Tokens> tokens;
  {
    const std::scoped_lock lock(mutex_);
    tokens = tokens_;
  }
  if (!tokens) return std::nullopt;
  const auto token = token_of(request);
  return token ? tokens->find(*token) : std::nullopt;
}

std::optional<Refusal> Access::authorize(const Request& request, Role needed) const {
  if (!has_tokens()) return std::nullopt;
  const auto caller = identify(request);
  if (!caller) return refuse_unknown(request);
  if (may(caller->role, needed)) return std::nullopt;
  return Refusal{403,
                 "this needs the role " + std::string(to_string(needed)) + "; the token of " + caller->name +
                     " has the role " + std::string(to_string(caller->role)),
                 {{"www-authenticate", R"(Bearer realm="coremachine", error="insufficient_scope")"}},
                 false};
}

std::optional<Error> check_binding(std::string_view listen, bool has_tokens, bool insecure) {
  const auto address = Authority::parse(listen);
  if (!address || is_loopback(address->host) || has_tokens || insecure) return std::nullopt;
  return Error{ErrorCode::invalid_argument,
               "will not listen on " + std::string(listen) +
                   ", which other machines can reach, without tokens: give a --token-file, or listen on "
                   "127.0.0.1, or say --insecure if everybody who can reach it may do everything"};
}

}  // namespace coremachine::http
