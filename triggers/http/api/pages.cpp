// The dashboard: its page, and the files that the page names.

#include <utility>

#include "triggers/http/api/api.hpp"
#include "triggers/http/api/byte_range.hpp"
#include "triggers/http/pages/page_files.hpp"

namespace coremachine::http {
namespace {

/// Nothing from elsewhere, nothing inline, no text that becomes markup, and no other page that shows this one.
constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

/// Whether the client takes gzip: named in Accept-Encoding, and not with a weight of zero.
bool takes_gzip(const Request& request) {
  const auto* field = request.find("accept-encoding");
  const auto at = field ? field->find("gzip") : std::string::npos;
  if (at == std::string::npos) return false;
  const auto rest = field->substr(at + 4, field->find(',', at) - at - 4);
  const auto weight = rest.find("q=0");
  return weight == std::string::npos || rest.find_first_of("123456789", weight + 3) != std::string::npos;
}

void send_file(Call& call, const PageFile& file, std::string_view cache_control) {
  const bool gzip = takes_gzip(call.request());
  const auto tag = "\"" + std::string(file.hash) + (gzip ? "-gzip\"" : "\"");
  Response response{200,
                    {{"etag", tag},
                     {"cache-control", std::string(cache_control)},
                     {"vary", "Accept-Encoding"},
                     {"x-content-type-options", "nosniff"},
                     {"referrer-policy", "no-referrer"},
                     {"cross-origin-opener-policy", "same-origin"},
                     {"cross-origin-resource-policy", "same-origin"},
                     {"content-security-policy", std::string(content_policy)}},
                    {}};
  const auto* known = call.request().find("if-none-match");
  if (known && names_tag(*known, tag)) {
    response.status = 304;
    return call.send(std::move(response));
  }
  response.fields.push_back({"content-type", std::string(file.media_type)});
  if (gzip) response.fields.push_back({"content-encoding", "gzip"});
  response.body = gzip ? file.gzip : file.plain;
  call.send(std::move(response));
}

void page(Api&, std::shared_ptr<Call> call) {
  send_file(*call, *find_page_file("/"), "no-cache");
}

void send_asset(Call& call, const std::string& path) {
  const auto* file = find_page_file(path);
  if (!file) return call.refuse(problem_of(404, "the dashboard has no " + path + "; its page is at /"));
  send_file(call, *file, "public, max-age=31536000, immutable");
}

void asset(Api&, std::shared_ptr<Call> call) {
  send_asset(*call, "/assets/" + call->path("version") + "/" + call->path("file"));
}

Route page_route(std::string_view path, std::string_view operation, std::string_view summary, Handler handler) {
  return {.method = "GET",
          .path = path,
          .role = std::nullopt,
          .group = "dashboard",
          .operation = operation,
          .summary = summary,
          .parameters = {{.name = "If-None-Match",
                          .doc = "nothing if the entity tag is one of these",
                          .in = Parameter::In::header}},
          .answers = {{200, "the file", "Text", "text/html", {"ETag"}}, {304, "the client has it", "", "", {"ETag"}}},
          .handler = handler};
}

}  // namespace

std::vector<Route> page_routes() {
  return {
      page_route("/", "getDashboard", "The dashboard, a page for people", page),
      page_route("/assets/{version}/{file}", "getAsset", "A file of the dashboard; it never changes", asset),
  };
}

}  // namespace coremachine::http
