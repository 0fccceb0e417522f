#pragma once

#include "core/client/http_client.hpp"

namespace coremachine::cli {

using client::Deadline;
using client::HttpClient;
using client::HttpOptions;
using client::HttpReply;
using client::HttpRequest;
using client::HttpStream;
using client::parse_server;
using client::ServerAddress;
using client::Transported;
using client::TransportError;

}  // namespace coremachine::cli
