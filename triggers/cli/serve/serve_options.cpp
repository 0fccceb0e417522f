#include "triggers/cli/serve/serve_options.hpp"

#include <charconv>

namespace coremachine::cli {
namespace {

std::string_view host_of(std::string_view listen) {
  auto host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

bool is_address(std::string_view listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto port = listen.substr(colon + 1);
  unsigned number = 0;
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), number);
  return !port.empty() && code == std::errc{} && end == port.data() + port.size() && number <= 65535;
}

}  // namespace

bool is_loopback(std::string_view listen) {
  const auto host = host_of(listen);
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::optional<std::string> fault_of(const ServeOptions& options) {
  if (!is_address(options.listen)) {
    return "--listen takes HOST:PORT or [V6]:PORT, and not \"" + options.listen + "\"";
  }
  if (options.queue != "memory:") {
    return "--queue takes memory: alone; this build has no other queue, and \"" + options.queue + "\" is one";
  }
  if (!options.modules.empty()) {
    return "--module: this build loads no modules; register the jobs of \"" + options.modules.front() +
           "\" in a program of your own that links the library";
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return "--tls-cert and --tls-key belong together";
  }
  if (!is_loopback(options.listen) && options.token_file.empty() && !options.insecure) {
    return "--listen " + options.listen +
           " is reached by others: it needs a --token-file, or --insecure to let everybody do everything";
  }
  return std::nullopt;
}

}  // namespace coremachine::cli
