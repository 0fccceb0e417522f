#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/client/transport.hpp"

namespace coremachine::client {

/// What a server answered, but for the body.
struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case, as they came
  bool keep_alive = false;

  const std::string* find(std::string_view lower_case_name) const;
};

/// Reads one response out of bytes that come in pieces; has no socket. Interim answers (1xx) are passed over.
class ResponseReader {
 public:
  ResponseReader();
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  /// Takes bytes as they come. Fails as malformed; then nothing more is to be expected of it.
  Transported<void> feed(std::string_view bytes);
  /// The connection was closed: that may be how the body ends. Fails as closed where something is missing.
  Transported<void> feed_end();

  /// The head, once it is whole.
  const ResponseHead* head() const;
  /// What has come of the body since the last time.
  std::string take_body();
  bool complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::client
