#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coremachine::http {

struct Field {
  std::string name;   ///< lower case
  std::string value;  ///< without white space around it

  friend bool operator==(const Field&, const Field&) = default;
};

/// Takes the body of a request as it comes, so that nobody has it whole. Dropped before the body is whole, when that
/// will not be.
class BodyTaker {
 public:
  virtual ~BodyTaker() = default;
  /// On an I/O thread, which must not be blocked. False: enough for now; nothing more comes until `resume` is called.
  virtual bool take(std::string piece) = 0;
  /// What calls for more, on any thread; set before the first piece.
  void set_resume(std::function<void()> resume) { resume_ = std::move(resume); }

 protected:
  void resume() const {
    if (resume_) resume_();
  }

 private:
  std::function<void()> resume_ = {};
};

/// A request as a RequestReader read it.
///
/// Method, target, names and values of fields are free of control characters. Bytes from 0x80 on may be in a value, and
/// need not be UTF-8. Of each of these there is one at most: host, content-length, content-type, authorization, origin,
/// idempotency-key, last-event-id.
struct Request {
  std::string method;         ///< "GET"; one of the nine of RFC 9110 and RFC 5789
  std::string target;         ///< begins with `/`, percent-encoding as it was sent; `*` with OPTIONS alone
  std::vector<Field> fields;  ///< as they were sent, in order
  std::string body;           ///< whole, and without chunks; empty where `taker` has it
  bool keep_alive = true;     ///< the client can go on with this connection
  int minor_version = 1;      ///< HTTP/1.x: 0, or 1 for that and anything later
  bool secure = false;        ///< came by TLS
  std::string peer;           ///< "127.0.0.1:50412"
  std::string id;             ///< for X-Request-Id of the reply: the client's, if it sent a sane one, else a new one
  std::shared_ptr<BodyTaker> taker = {};  ///< where the body went, if it was not kept
  /// The application's own: what it has found out of the head once. Of one thread at a time, as the request is.
  mutable std::shared_ptr<const void> more = {};

  /// The value of the only or first field of this name, or null.
  const std::string* find(std::string_view lower_case_name) const {
    for (const auto& field : fields) {
      if (field.name == lower_case_name) return &field.value;
    }
    return nullptr;
  }
};

/// What is added when it is written: Content-Length, Date, X-Request-Id, Connection, Transfer-Encoding.
struct Response {
  int status = 200;
  std::vector<Field> fields = {};
  std::string body = {};  ///< also in the reply to HEAD: it is counted and left out
  // For whoever keeps a log of answers; not sent.
  std::string_view route = {};  ///< "/api/v1/jobs/{id}", of text that stays
  std::string subject = {};     ///< the job that it is about
};

/// Why a request cannot be taken.
struct Refusal {
  int status = 400;
  std::string detail;                     ///< one sentence or two, for people; free of control characters
  std::vector<Field> fields = {};         ///< for the reply: Allow, Retry-After …
  bool close = true;                      ///< the connection cannot go on after it
  std::string_view route = {};            ///< as in Response
  std::shared_ptr<const void> more = {};  ///< the application's own; it has it back when it makes the answer
};

}  // namespace coremachine::http
