// Large results by the hash of their content.

#include <algorithm>
#include <mutex>
#include <utility>

#include <coremachine/registry/artifacts.hpp>

#include "triggers/http/api/api.hpp"
#include "triggers/http/api/byte_range.hpp"

namespace coremachine::http {
namespace {

/// What is not longer is sent whole.
constexpr std::uint64_t most_at_once = 1U << 20U;
constexpr std::uint64_t piece = 128U << 10U;

Result<std::string> read(ArtifactContent& reader, std::uint64_t offset, std::uint64_t count) {
  std::string bytes(count, '\0');
  try {
    if (reader.read(offset, bytes.data(), bytes.size()) == count) return bytes;
    return Error{ErrorCode::store_damaged, "the artifact is shorter than it was"};
  } catch (const Failure& failure) {
    return failure.error();
  }
}

/// Sends part of an artifact piece by piece, as fast as the client takes it.
class ArtifactFlow : public std::enable_shared_from_this<ArtifactFlow> {
 public:
  ArtifactFlow(Api& api, std::shared_ptr<Call> call, std::shared_ptr<ArtifactContent> reader, ByteRange range)
      : api_(api), call_(std::move(call)), reader_(std::move(reader)), range_(range) {}

  void begin(Response head) {
    flow_ = call_->stream(std::move(head));
    if (!flow_) return;
    if (call_->is_head()) return flow_->end();
    // The stream keeps what it calls, and so this, until it is over.
    flow_->on_drained([self = shared_from_this()] { self->go_on(); });
    flow_->on_gone([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->let_go();
    });
    write_piece();
  }

 private:
  void go_on() {
    api_.on_reader_or_here(call_, [self = shared_from_this()] { self->write_piece(); });
  }
  void write_piece() {
    const std::lock_guard lock(mutex_);
    if (!flow_) return;
    const auto count = std::min(piece, range_.count);
    auto bytes = read(*reader_, range_.first, count);
    if (!bytes) return flow_.reset();  // broken off: the client sees that something is missing
    range_.first += count;
    range_.count -= count;
    const bool last = range_.count == 0;
    const bool taken = flow_->write(std::move(*bytes));
    if (taken && last) flow_->end();
    if (!taken || last) flow_.reset();
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    flow_.reset();
  }

  Api& api_;
  const std::shared_ptr<Call> call_;
  const std::shared_ptr<ArtifactContent> reader_;
  std::mutex mutex_;
  ByteRange range_;
  std::shared_ptr<Outflow> flow_;
};

/// Whoever may store content says what type it is of. A browser that is led here is to keep it, not to show it: shown,
/// a page or a picture with scripts in it would act as the dashboard does.
constexpr std::string_view content_policy = "sandbox; default-src 'none'";

/// What every answer about this artifact says of it. The content of an id never changes.
std::vector<Field> fields_of(const ArtifactInfo& info, const std::string& tag) {
  return {{"etag", tag},
          {"cache-control", "private, max-age=31536000, immutable"},
          {"accept-ranges", "bytes"},
          {"content-type", info.media_type.empty() ? "application/octet-stream" : info.media_type},
          {"content-disposition", "attachment"},
          {"content-security-policy", std::string(content_policy)},
          {"x-content-type-options", "nosniff"}};
}

std::string range_in_words(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.first + range.count - 1) + "/" +
         std::to_string(size);
}

void send_range(Api& api, const std::shared_ptr<Call>& call, const std::shared_ptr<ArtifactContent>& reader,
                Response head, ByteRange range) {
  if (range.count > most_at_once) {
    head.fields.push_back({"content-length", std::to_string(range.count)});
    return std::make_shared<ArtifactFlow>(api, call, reader, range)->begin(std::move(head));
  }
  auto bytes = read(*reader, range.first, range.count);
  if (!bytes) return call->refuse(bytes.error());
  head.body = std::move(*bytes);
  call->send(std::move(head));
}

void send_artifact(Api& api, const std::shared_ptr<Call>& call, const std::shared_ptr<ArtifactContent>& reader) {
  const auto& info = reader->info();
  const auto tag = "\"" + info.id.str() + "\"";
  auto fields = fields_of(info, tag);
  if (const auto* wanted = call->request().find("if-match"); wanted && !names_tag(*wanted, tag, Comparison::strong)) {
    return call->refuse(problem_of(412, "the entity tag is " + tag));
  }
  if (const auto* known = call->request().find("if-none-match"); known && names_tag(*known, tag)) {
    return call->send(Response{304, std::move(fields), {}});
  }
  ByteRange range{0, info.size};
  int status = 200;
  const auto* condition = call->request().find("if-range");
  const bool may_ask = !call->is_head() && (!condition || *condition == tag);  // a range is for GET alone
  const auto* asked = may_ask ? call->request().find("range") : nullptr;
  if (const auto wanted = asked ? range_of(*asked, info.size) : std::nullopt) {
    if (std::holds_alternative<Unsatisfiable>(*wanted)) {
      auto problem = problem_of(416, "the artifact has " + std::to_string(info.size) + " bytes");
      problem.fields.push_back({"content-range", "bytes */" + std::to_string(info.size)});
      return call->refuse(problem);
    }
    status = 206;
    range = std::get<ByteRange>(*wanted);
    fields.push_back({"content-range", range_in_words(range, info.size)});
  }
  send_range(api, call, reader, Response{status, std::move(fields), {}}, range);
}

void get(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call,
      [id = call->path("id")](CoreMachine& machine) -> Result<std::shared_ptr<ArtifactContent>> {
        auto content = machine.open_artifact(id);
        if (!content) return content.error();
        return std::shared_ptr<ArtifactContent>(std::move(*content));
      },
      [&api, call](const std::shared_ptr<ArtifactContent>& reader) { send_artifact(api, call, reader); });
}

}  // namespace

std::vector<Route> artifact_routes() {
  const auto field = [](std::string_view name, std::string_view doc) {
    return Parameter{.name = name, .doc = doc, .in = Parameter::In::header};
  };
  return {{.method = "GET",
           .path = "/api/v1/artifacts/{id}",
           .group = "artifacts",
           .operation = "getArtifact",
           .summary = "The content of an artifact, or a range of it",
           .parameters = {field("Range", "one range of bytes, as bytes=0-99"),
                          field("If-Range", "the range only if the entity tag is this one"),
                          field("If-None-Match", "nothing if the entity tag is one of these"),
                          field("If-Match", "412 unless the entity tag is one of these")},
           .answers = {{200, "the content", "", "application/json", {"ETag"}},
                       {206, "the range", "", "application/json", {"etag", "Content-Range"}},
                       {304, "the client has it", "", "", {"ETag"}}},
           .problems = {412, 416, 429},
           .handler = get}};
}

}  // namespace coremachine::http
