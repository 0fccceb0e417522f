#pragma once

#include <string>

#include <coremachine/model/error.hpp>
#include <coremachine/runtime/remote.hpp>

#include "core/queue/queue_record.hpp"

namespace coremachine::queue {

/// A hand-out as an entry of a queue. A task of a built-in type (`coremachine.source`, …) shows the task and the params
/// that its envelope carries, any other is a reference to its type; `module` is the one that registered it, if known.
QueueEntry entry_of(const HandOut& hand_out, std::string reply_to = {}, const std::string& module = {});

/// The other way round: task types and params as the machine handed them out. Fails (invalid_argument) for an entry
/// that was not made of a hand-out, naming what is missing.
Result<HandOut> hand_out_of(const QueueEntry& entry);

}  // namespace coremachine::queue
