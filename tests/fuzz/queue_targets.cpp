#include <string>

#include "core/queue/hand_out_entry.hpp"
#include "core/queue/queue_record.hpp"
#include "tests/fuzz/targets.hpp"

namespace coremachine::fuzz {

void queue_entry(std::string_view bytes) {
  if (const auto id = queue::TaskId::parse(bytes)) {
    require(queue::TaskId::parse(id->str()) == id, "the name of a task comes back");
  }
  const auto entry = queue::parse_entry(bytes);
  if (!entry) {
    require(entry.error().code == ErrorCode::invalid_argument && !entry.error().message.empty(), "a refusal says why");
    return;
  }
  require(!entry->tasks.empty(), "an entry has a task");
  for (const auto& record : entry->tasks)
    require(!fault_of(record.task), "a record that was read has a known strategy");
  const auto again = queue::parse_entry(queue::to_text(*entry));
  require(again.has_value() && *again == *entry, "an entry that is written and read again is the same");
  const auto hand_out = queue::hand_out_of(*entry);
  if (!hand_out) return;
  const auto back = queue::hand_out_of(queue::entry_of(*hand_out));
  require(back.has_value() && back->tasks.size() == hand_out->tasks.size() && back->lease == hand_out->lease,
          "and so is the hand-out that it was made of");
}

}  // namespace coremachine::fuzz
