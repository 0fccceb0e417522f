#pragma once

#include <functional>
#include <string>

#include "core/queue/redis/keys.hpp"
#include "core/queue/redis/link.hpp"
#include "core/queue/redis/message.hpp"

namespace coremachine::redis {

/// Puts the message into the inbox of this server; without a name, into that of whoever hears it. `then`: whether it
/// was taken; the inbox of a server that is gone takes nothing. An inbox that nobody reads has a limit, and what is
/// oldest goes first.
void send_to_inbox(Link& link, const Keys& keys, const std::string& server, const Message& message,
                   std::function<void(bool is_taken)> then = {});

}  // namespace coremachine::redis
