#include "core/queue/redis/inbox.hpp"

#include <utility>

namespace coremachine::redis {
namespace {

constexpr std::string_view inbox_limit = "10000";
/// Of what nobody may ever hear.
constexpr std::string_view common_limit = "256";

}  // namespace

void send_to_inbox(Link& link, const Keys& keys, const std::string& server, const Message& message,
                   std::function<void(bool is_taken)> then) {
  auto on_reply = [then = std::move(then)](const Reply& reply) {
    if (then) then(!reply.is_error() && !reply.is_nil());
  };
  const auto text = to_text(message);
  if (server.empty()) {
    link.send({"XADD", keys.inbox(), "MAXLEN", "~", common_limit, "*", message_field, text}, std::move(on_reply));
    return;
  }
  link.send({"XADD", keys.inbox(server), "NOMKSTREAM", "MAXLEN", "~", inbox_limit, "*", message_field, text},
            std::move(on_reply));
}

}  // namespace coremachine::redis
