#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coremachine::support {

/// An answer of HTTP/1.x, taken apart without mercy.
struct RawResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields = {};  ///< names in lower case
  std::string body = {};                                         ///< without chunks

  /// The value of the only or first field of this name; empty if there is none.
  std::string field(std::string_view name) const;
  bool has(std::string_view name) const;
};

/// Bytes to a server on loopback and bytes back. Whatever takes longer than the deadline, of reading or writing, throws
/// std::runtime_error, so that a test that waits for something does not wait for ever.
class RawClient {
 public:
  static constexpr int deadline_seconds = 60;

  /// `receive_buffer`: of the system, in bytes; 0 leaves it as it is.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0, const std::string& address = "127.0.0.1");
  virtual ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// All of it. False: the connection is gone.
  bool send(std::string_view bytes);
  /// What is there, or what comes next; empty at the end, and when the connection was reset.
  std::string read_some();
  /// Up to and with `mark`, or all there is.
  std::string read_until(std::string_view mark);
  std::string read_exactly(std::size_t count);
  std::string read_all();
  /// The next answer, of status 200 or more unless `interim`. A chunked one has to have its end. Throws where the bytes
  /// are none, or end before it does.
  RawResponse read_response(bool to_head = false, bool interim = false);
  /// The head alone; what follows is not read.
  RawResponse read_head();
  /// One chunk of a chunked body; empty for the last one.
  std::string read_chunk();
  /// No byte comes any more, until the end or a reset.
  bool at_end();
  /// After the end: the server has reset the connection.
  bool was_reset() const { return was_reset_; }

  /// No more is sent, but more is read.
  virtual void end_sending();
  void close();
  /// Closes so that the server's system knows at once.
  void reset();

 protected:
  virtual long put(const char* bytes, std::size_t size);
  virtual long get(char* to, std::size_t size);
  int socket() const { return socket_; }

 private:
  int socket_ = -1;
  std::string read_ = {};  ///< and not asked for yet
  bool was_reset_ = false;
};

}  // namespace coremachine::support
