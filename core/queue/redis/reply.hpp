#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hiredis/hiredis.h>

namespace coremachine::redis {

/// What Redis said. A view: it lasts as long as the call that it is given to.
class Reply {
 public:
  explicit Reply(const redisReply* reply) : reply_(reply) {}

  bool is_error() const { return reply_->type == REDIS_REPLY_ERROR; }
  bool is_nil() const { return reply_->type == REDIS_REPLY_NIL; }
  bool is_array() const { return reply_->type == REDIS_REPLY_ARRAY; }
  /// Of a string, a status or an error; else empty.
  std::string_view text() const {
    return reply_->str ? std::string_view(reply_->str, reply_->len) : std::string_view();
  }
  bool is_error(std::string_view code) const { return is_error() && text().substr(0, code.size()) == code; }
  long long integer() const { return reply_->type == REDIS_REPLY_INTEGER ? reply_->integer : 0; }
  std::size_t size() const { return is_array() ? reply_->elements : 0; }
  Reply operator[](std::size_t i) const { return Reply(reply_->element[i]); }

 private:
  const redisReply* reply_;
};

/// Calls `take(id, fields)` for each entry of a stream's part in a reply of XREADGROUP or XRANGE.
template <class Take>
void for_each_entry(const Reply& entries, const Take& take) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto entry = entries[i];
    if (entry.size() == 2 && entry[1].is_array()) take(entry[0].text(), entry[1]);
  }
}
/// The same for all streams of a reply of XREADGROUP: `take(key, id, fields)`.
template <class Take>
void for_each_read(const Reply& streams, const Take& take) {
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto stream = streams[i];
    if (stream.size() != 2) continue;
    for_each_entry(stream[1], [&](std::string_view id, const Reply& fields) { take(stream[0].text(), id, fields); });
  }
}
/// The value of a field; empty if there is none of this name.
inline std::string_view field_of(const Reply& fields, std::string_view name) {
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text() == name) return fields[i + 1].text();
  }
  return {};
}

}  // namespace coremachine::redis
