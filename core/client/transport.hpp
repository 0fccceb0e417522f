#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace coremachine::client {

/// Why nothing came of talking to a server.
struct TransportError {
  enum class Kind : std::uint8_t {
    unresolved,  ///< the name of the host is not known
    refused,     ///< nobody accepts connections there, or no way leads there
    not_secure,  ///< TLS: the certificate is not to be trusted, or there is none
    timed_out,
    closed,     ///< the other side went away in the middle
    malformed,  ///< what came is no HTTP
  };
  Kind kind = Kind::refused;
  std::string what;
};

template <class T>
using Transported = boost::system::result<T, TransportError>;

[[noreturn]] void throw_exception_from_error(const TransportError& error, const boost::source_location& where);

/// By when something has to be done.
using Deadline = std::chrono::steady_clock::time_point;

}  // namespace coremachine::client
