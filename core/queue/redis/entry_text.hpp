#pragma once

#include <string>
#include <string_view>

#include <coremachine/model/error.hpp>
#include <coremachine/runtime/remote.hpp>

namespace coremachine::redis {

// The queue record of core/queue/queue_record.hpp without trees in between: params pass through as the text that they
// are. What is out of the ordinary goes the long way.

/// What lies in a stream for a hand-out.
std::string entry_text(const HandOut& hand_out, std::string_view server);

/// The other way round. invalid_argument: what is wrong or not known, by name.
Result<HandOut> read_entry_text(std::string_view text);

}  // namespace coremachine::redis
