#include "core/client/response_reader.hpp"

#include <algorithm>
#include <limits>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace coremachine::client {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t largest_head = 64 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

}  // namespace

const std::string* ResponseHead::find(std::string_view lower_case_name) const {
  for (const auto& [name, value] : fields) {
    if (name == lower_case_name) return &value;
  }
  return nullptr;
}

struct ResponseReader::State {
  std::optional<http::response_parser<http::string_body>> parser;
  std::string pending;  ///< that the parser has not taken yet
  std::optional<ResponseHead> head;

  State() { begin(); }

  void begin() {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(largest_head);
    parser->body_limit(boost::none);
  }

  void note_head() {
    if (head || !parser->is_header_done()) return;
    const auto& message = parser->get();
    ResponseHead found;
    found.status = static_cast<int>(message.result_int());
    found.keep_alive = message.keep_alive();
    for (const auto& field : message)
      found.fields.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                std::string(field.value()));
    head = std::move(found);
  }
};

ResponseReader::ResponseReader() : state_(std::make_unique<State>()) {}
ResponseReader::~ResponseReader() = default;
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;

Transported<void> ResponseReader::feed(std::string_view bytes) {
  auto& state = *state_;
  state.pending += bytes;
  while (!state.pending.empty() && !complete()) {
    boost::system::error_code error;
    const auto taken = state.parser->put(boost::asio::buffer(state.pending), error);
    state.pending.erase(0, taken);
    if (error && error != http::error::need_more)
      return TransportError{TransportError::Kind::malformed, error.message()};
    state.note_head();
    const bool interim = state.head && state.head->status / 100 == 1;
    if (interim) {
      state.head.reset();
      state.begin();
    } else if (error || taken == 0) {
      break;
    }
  }
  return {};
}

Transported<void> ResponseReader::feed_end() {
  auto& state = *state_;
  if (complete()) return {};
  boost::system::error_code error;
  if (state.parser->got_some()) state.parser->put_eof(error);
  if (error || !state.parser->got_some() || !state.parser->is_done())
    return TransportError{TransportError::Kind::closed, "the connection was closed before the answer was whole"};
  return {};
}

const ResponseHead* ResponseReader::head() const {
  return state_->head ? &*state_->head : nullptr;
}

std::string ResponseReader::take_body() {
  return std::exchange(state_->parser->get().body(), std::string());
}

bool ResponseReader::complete() const {
  return state_->head && state_->parser->is_done();
}

}  // namespace coremachine::client
