#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/store/postgres/artifact_removal.hpp"
#include "core/store/postgres/artifact_shelf.hpp"
#include "core/store/postgres/postgres_artifacts.hpp"
#include "tests/conformance/artifact_fixture.hpp"
#include "tests/store/postgres_fixture.hpp"
#include "tests/support/postgres/proxy.hpp"

namespace coremachine::artifact_tests {

using store_tests::Psql;

/// One of several servers on one database.
struct OneServer {
  using FaultPoint = std::function<void(std::string_view)>;
  OneServer(const std::string& url, const std::string& name, Milliseconds linger = Milliseconds{3'600'000},
            FaultPoint fault_point = {})
      : store(store_tests::open_postgres(url + "&server=" + name)), incarnation(store->begin_incarnation()) {
    options.target = postgres::parse_target(url).value();
    options.incarnation = incarnation;
    options.linger = linger;
    options.fault_point = std::move(fault_point);
    artifacts = open_postgres_artifacts(options);
  }
  void end() { artifacts.reset(); }

  std::unique_ptr<Store> store;
  Incarnation incarnation;
  PostgresArtifactsOptions options;
  std::unique_ptr<ArtifactStore> artifacts;
};

inline void fence(const std::string& url, const OneServer& server) {
  Psql(url).rows("UPDATE server SET fenced = true, fenced_at = now() WHERE incarnation = " +
                 std::to_string(server.incarnation));
}

/// Asks until the answer is another one than 0.
inline void wait_until(Psql& shell, const std::string& sql) {
  while (shell.one(sql) == "0") {
  }
}

inline void sweep(const OneServer& by) {
  must(postgres::sweep_artifacts(*std::make_shared<postgres::ArtifactShelf>(by.options)));
}

/// An artifact store that is reached through a proxy.
struct ProxiedArtifacts {
  explicit ProxiedArtifacts(const std::string& patience = "120s") : store(store_tests::open_postgres(direct)) {
    options.target = postgres::parse_target("postgres://postgres@" + proxy.address() + "/postgres?" +
                                            support::PostgresProxy::parameters() + "&patience=" + patience + "&" +
                                            direct.substr(direct.find("schema=")))
                         .value();
    options.incarnation = store->begin_incarnation();
    artifacts = open_postgres_artifacts(options);
  }
  ~ProxiedArtifacts() { artifacts.reset(); }
  ProxiedArtifacts(const ProxiedArtifacts&) = delete;
  ProxiedArtifacts& operator=(const ProxiedArtifacts&) = delete;

  std::string direct = store_tests::new_url();
  support::PostgresProxy proxy{support::PostgresServer::shared().socket()};
  std::unique_ptr<Store> store;
  PostgresArtifactsOptions options;
  std::unique_ptr<ArtifactStore> artifacts;
};

}  // namespace coremachine::artifact_tests
