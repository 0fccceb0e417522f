// The artifacts of a machine that serves HTTP.

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>

#include <coremachine/worker/http.hpp>

#include "core/client/http_client.hpp"
#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"

namespace coremachine {
namespace {

using client::HttpClient;
using client::HttpReply;
using client::TransportError;

/// So much is fetched at a time.
constexpr std::size_t piece = std::size_t{1} << 20U;

struct Place {
  client::ServerAddress address;
  client::HttpOptions options;
};

Failure failure_of(const TransportError& error, const Place& place) {
  return Failure(Error{ErrorCode::store_failed, "the artifacts at " + place.address.url() + ": " + error.what});
}

Failure failure_of(const HttpReply& reply, const Place& place, const std::string& what) {
  auto code = ErrorCode::store_failed;
  if (reply.head.status == 404) code = ErrorCode::store_missing;
  boost::system::error_code error;
  const auto body = parse_value(reply.body, error);
  std::string detail;
  if (!error && body.is_object()) {
    const auto& problem = body.get_object();
    if (const auto* text = problem.if_contains("detail"); text && text->is_string()) detail = text->get_string();
    if (const auto* known = problem.if_contains("code"); known && known->is_string()) {
      for (const auto told : {ErrorCode::store_damaged, ErrorCode::store_full}) {
        if (known->get_string() == to_string(told)) code = told;
      }
    }
  }
  return Failure(Error{code, what + " at " + place.address.url() + " answered " + std::to_string(reply.head.status) +
                                 (detail.empty() ? "" : ": " + detail)});
}

/// What follows the slash of `bytes 0-99/1234`.
std::uint64_t size_in(const HttpReply& reply) {
  const auto* text = reply.head.find("content-range");
  const auto slash = text ? text->find('/') : std::string::npos;
  std::uint64_t number = 0;
  if (slash != std::string::npos) std::from_chars(text->data() + slash + 1, text->data() + text->size(), number);
  return number;
}

/// Reads an artifact by ranges, a large piece at a time.
class Reading final : public ArtifactContent {
 public:
  Reading(const Place& place, const ArtifactId& id) : place_(place), http_(place.address, place.options) {
    info_.id = id;
    auto reply = ask(0, piece);
    if (const auto* type = reply.head.find("content-type"); type && reply.head.status < 300) info_.media_type = *type;
    info_.size = reply.head.status == 200 ? reply.body.size() : size_in(reply);
    if (reply.head.status < 300) piece_ = std::move(reply.body);
  }

  const ArtifactInfo& info() const override { return info_; }
  std::size_t read(std::uint64_t offset, char* to, std::size_t n) override {
    std::size_t done = 0;
    while (done < n && offset + done < info_.size) {
      const auto at = offset + done;
      if (at < begin_ || at >= begin_ + piece_.size()) fetch(at);
      const auto from = static_cast<std::size_t>(at - begin_);
      done += piece_.copy(to + done, n - done, from);
    }
    return done;
  }

 private:
  void fetch(std::uint64_t at) {
    const auto count = std::min<std::uint64_t>(piece, info_.size - at);
    auto reply = ask(at, count);
    if (reply.head.status != 206 || reply.body.size() != count) {
      throw Failure(Error{ErrorCode::store_damaged, "the artifact " + info_.id.str() + " came with another length"});
    }
    begin_ = at;
    piece_ = std::move(reply.body);
  }
  HttpReply ask(std::uint64_t at, std::uint64_t count) {
    client::HttpRequest request{.method = "GET", .target = "/api/v1/artifacts/" + info_.id.str()};
    request.fields.emplace_back("Range", "bytes=" + std::to_string(at) + "-" + std::to_string(at + count - 1));
    // A connection may be lost between two pieces; reading again does no harm.
    auto reply = http_.exchange(request);
    if (!reply) reply = http_.exchange(request);
    if (!reply) throw failure_of(reply.error(), place_);
    const bool is_empty = reply->head.status == 416;  // there is no byte to be had
    if (reply->head.status >= 300 && !is_empty) throw failure_of(*reply, place_, "the artifact " + info_.id.str());
    return std::move(*reply);
  }

  const Place place_;
  HttpClient http_;
  ArtifactInfo info_ = {};
  std::uint64_t begin_ = 0;
  std::string piece_ = {};
};

/// Sends content as it is made, in pieces that are not too small.
class Writing final : public NewArtifact {
 public:
  Writing(const Place& place, std::string_view media_type) : place_(place), http_(place.address, place.options) {
    auto upload =
        http_.upload({.method = "POST", .target = "/api/v1/artifacts", .content_type = std::string(media_type)});
    if (!upload) throw failure_of(upload.error(), place_);
    upload_ = std::move(*upload);
  }

  void write(std::string_view bytes) override {
    gathered_ += bytes;
    if (gathered_.size() >= least) send();
  }
  json::object finish() override {
    if (!gathered_.empty()) send();
    const auto reply = upload_->finish();
    if (!reply) throw failure_of(reply.error(), place_);
    if (reply->head.status >= 300) throw failure_of(*reply, place_, "the artifact store");
    boost::system::error_code error;
    auto body = parse_value(reply->body, error);
    if (error || !is_artifact_reference(body)) {
      throw Failure(Error{ErrorCode::store_failed, place_.address.url() + " does not answer as a machine does"});
    }
    return std::move(body.get_object());
  }

 private:
  static constexpr std::size_t least = std::size_t{64} << 10U;

  void send() {
    const auto sent = upload_->write(gathered_);
    gathered_.clear();
    if (sent || broken_) return;
    // It may have been refused; the answer says why.
    broken_ = true;
    const auto reply = upload_->finish();
    if (reply) throw failure_of(*reply, place_, "the artifact store");
    throw failure_of(sent.error(), place_);
  }

  const Place place_;
  HttpClient http_;
  std::unique_ptr<client::HttpUpload> upload_;
  std::string gathered_ = {};
  bool broken_ = false;
};

class HttpArtifacts final : public WorkerArtifacts {
 public:
  explicit HttpArtifacts(Place place) : place_(std::move(place)) {}
  std::unique_ptr<ArtifactContent> open(const ArtifactId& id) override { return std::make_unique<Reading>(place_, id); }
  std::unique_ptr<NewArtifact> begin(std::string_view media_type) override {
    return std::make_unique<Writing>(place_, media_type);
  }

 private:
  const Place place_;
};

}  // namespace

std::shared_ptr<WorkerArtifacts> artifacts_by_http(HttpMachine machine) {
  auto address = client::parse_server(machine.server);
  if (!address) {
    throw Failure(Error{ErrorCode::invalid_argument, "\"" + machine.server +
                                                         "\" is no place for artifacts: it should be http://HOST:PORT "
                                                         "or https://HOST:PORT"});
  }
  return std::make_shared<HttpArtifacts>(Place{*std::move(address),
                                               {.token = machine.token,
                                                .ca_file = machine.ca_file,
                                                .connect_timeout = machine.connect_timeout,
                                                .request_timeout = machine.request_timeout}});
}

}  // namespace coremachine
