#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coremachine::cli {

/// One event of a stream of server-sent events.
struct StreamEvent {
  std::string id;  ///< the last one that was said; what to go on after
  std::string name;
  std::string data;

  friend bool operator==(const StreamEvent&, const StreamEvent&) = default;
};

/// Reads `text/event-stream` out of bytes that come in pieces, cut anywhere: lines end with LF, CR or both, comments
/// and unknown fields are passed over, an event without data is none.
class EventReader {
 public:
  std::vector<StreamEvent> feed(std::string_view bytes);

  /// Of the last event that was whole.
  const std::string& last_id() const { return last_id_; }
  /// How long to wait before connecting again, where the server said so.
  std::optional<std::uint32_t> retry_ms() const { return retry_ms_; }
  /// A new connection: what was half read is forgotten, the last id is not.
  void restart();

 private:
  void take_line(std::vector<StreamEvent>& out);
  void take_field(std::string_view name, std::string_view value);

  std::string line_;
  bool after_cr_ = false;
  bool first_line_ = true;
  std::string name_;
  std::string data_;
  bool has_data_ = false;
  std::string id_;
  std::string last_id_;
  std::optional<std::uint32_t> retry_ms_;
};

}  // namespace coremachine::cli
