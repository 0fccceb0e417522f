#include "triggers/cli/serve/serve_options.hpp"

#include <algorithm>
#include <charconv>

#include "triggers/cli/queue_kinds.hpp"
#include "triggers/http/access/access.hpp"
#include "triggers/http/server/certificate.hpp"

namespace coremachine::cli {
namespace {

bool is_address(std::string_view listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto port = listen.substr(colon + 1);
  unsigned number = 0;
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), number);
  return !port.empty() && code == std::errc{} && end == port.data() + port.size() && number <= 65535;
}

bool is_server_name(const std::string& name) {
  constexpr std::size_t longest = 128;
  return name.size() <= longest && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

constexpr Milliseconds shortest_term{1'000};

std::optional<std::string> fault_of_certificate(const ServeOptions& options) {
  if (options.certificate_file.empty()) return std::nullopt;
  const auto loaded = http::load_certificate(options.certificate_file, options.key_file);
  if (loaded) return std::nullopt;
  const auto& message = loaded.error().message;
  const bool is_key = options.key_file != options.certificate_file && message.starts_with(options.key_file + ": ");
  return (is_key ? "--tls-key: " : "--tls-cert: ") + message;
}

}  // namespace

std::optional<std::string> fault_of(const ServeOptions& options) {
  if (!is_address(options.listen)) {
    return "--listen takes HOST:PORT or [V6]:PORT, and not \"" + options.listen + "\"";
  }
  if (const auto fault = fault_of_queue(options.queue)) return "--queue: " + *fault;
  if (options.lease_term.count() <= 0) return "--lease-term takes a duration that is longer than nothing";
  if (options.server_term < shortest_term) {
    return "--server-term takes a duration of 1s at least: within less a server that is only busy seems dead";
  }
  if (!is_server_name(options.server_name)) {
    return "--server-name takes up to 128 printable characters without blanks, and not \"" + options.server_name + "\"";
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return "--tls-cert and --tls-key belong together";
  }
  if (auto fault = fault_of_certificate(options)) return fault;
  if (const auto error = http::check_binding(options.listen, !options.token_file.empty(), options.insecure)) {
    return "--listen: " + error->message;
  }
  return std::nullopt;
}

}  // namespace coremachine::cli
