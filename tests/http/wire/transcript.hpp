#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "triggers/http/wire/request_reader.hpp"

namespace coremachine::testing {

/// What a reader made of bytes: every request, and how it ended.
struct Reading {
  std::vector<http::Request> requests;  ///< without their ids, which are random
  http::RequestReader::State state = http::RequestReader::State::needs_head;
  http::Refusal refusal;  ///< if it ended in one
  std::size_t left = 0;   ///< bytes that are in no request
};

/// Feeds the pieces one after another, and wants every body.
Reading read_pieces(const std::vector<std::string_view>& pieces, const http::Limits& limits = {});

/// A text in which two readings differ if they do.
std::string to_text(const Reading& reading);

}  // namespace coremachine::testing
