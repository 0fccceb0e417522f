#pragma once

#include <memory>
#include <string>

#include <coremachine/export.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/worker/transport.hpp>

namespace coremachine {

/// Where a machine is that serves HTTP, and how a worker comes to it.
struct HttpMachine {
  std::string server;        ///< http://HOST:PORT or https://HOST:PORT, with the prefix of a proxy
  std::string token = {};    ///< with the role `worker`; empty: none
  std::string ca_file = {};  ///< certificates (PEM) to trust in place of the system's
  Milliseconds connect_timeout{5'000};
  Milliseconds request_timeout{30'000};
};

/// A worker's way to such a machine: POST /api/v1/workers/$poll, $complete, $heartbeat and $leave. Throws Failure
/// (invalid_argument): `server` is no URL of that kind. Connects when it is first used.
COREMACHINE_API std::shared_ptr<WorkerTransport> connect_by_http(HttpMachine machine);
/// The artifacts of such a machine: GET /api/v1/artifacts/{id} and POST /api/v1/artifacts. Likewise.
COREMACHINE_API std::shared_ptr<WorkerArtifacts> artifacts_by_http(HttpMachine machine);

}  // namespace coremachine
