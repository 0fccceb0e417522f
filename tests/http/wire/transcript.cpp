#include "tests/http/wire/transcript.hpp"

namespace coremachine::testing {

using http::RequestReader;
using State = RequestReader::State;

Reading read_pieces(const std::vector<std::string_view>& pieces, const http::Limits& limits) {
  Reading reading;
  RequestReader reader(limits, "peer");
  for (const auto piece : pieces) {
    reader.feed(piece);
    while (reader.state() == State::head_ready || reader.state() == State::complete) {
      if (reader.state() == State::head_ready) {
        reader.read_body();
      } else {
        reading.requests.push_back(reader.take());
        reading.requests.back().id.clear();
      }
    }
  }
  reading.state = reader.state();
  if (reading.state == State::refused) {
    reading.refusal = reader.refusal();
  } else {
    reading.left = reader.buffered();
  }
  return reading;
}

std::string to_text(const Reading& reading) {
  std::string text;
  for (const auto& request : reading.requests) {
    text += request.method + ' ' + request.target + " 1." + std::to_string(request.minor_version) +
            (request.keep_alive ? " stays" : " closes") + '\n';
    for (const auto& [name, value] : request.fields) text += name + ": " + value + '\n';
    text += '[' + request.body + "]\n";
  }
  text += "state " + std::to_string(static_cast<int>(reading.state)) + ", left " + std::to_string(reading.left) + '\n';
  if (reading.state == State::refused) {
    text += std::to_string(reading.refusal.status) + ' ' + reading.refusal.detail + '\n';
    for (const auto& [name, value] : reading.refusal.fields) text += name + ": " + value + '\n';
  }
  return text;
}

}  // namespace coremachine::testing
