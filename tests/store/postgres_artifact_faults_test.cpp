#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <thread>

#include "tests/store/postgres_artifacts_fixture.hpp"

// The way to the server fails in the middle of an upload, of a read, of what an output takes.

namespace coremachine {

using namespace artifact_tests;
using support::ProxyFault;
using Way = ProxyFault::Way;
using What = ProxyFault::What;

namespace {

constexpr std::size_t piece = std::size_t{1} << 20U;

/// Calls `act(n)` again and again, each time with the fault one message later, until it is over before that.
template <class Act>
int with_fault_at_every_message(ProxiedArtifacts& with, Way way, What what, const Act& act) {
  for (int message = 1;; ++message) {
    CAPTURE(message);
    with.proxy.arm({way, what, message});
    act(message);
    if (!with.proxy.disarm()) return message;
    REQUIRE(message < 1000);
  }
}

}  // namespace

TEST_SUITE("store: postgres artifacts, faults") {
  TEST_CASE("the connection may be lost at every message of storing, pinning and reading") {
    ProxiedArtifacts with;
    auto& store = *with.artifacts;
    std::uint64_t count = 0;
    for (const auto way : {Way::to_server, Way::to_client}) {
      for (const auto what : {What::cut_before, What::cut_after}) {
        CAPTURE(static_cast<int>(way));
        CAPTURE(static_cast<int>(what));
        const auto messages = with_fault_at_every_message(with, way, what, [&](int) {
          const auto content = random_bytes(piece + 10, ++count);
          const auto stored = must(store.put(content, text_type));
          CHECK(must(store.pin(stored.info.id)).info == stored.info);
          CHECK(content_of(store, stored.info.id) == content);
        });
        CHECK(messages > 20);
      }
    }
    CHECK(must(store.stats()).count == count);
    CHECK(must(store.collect(everything_before(Timestamp::max()))).removed == count);
    Psql shell(with.direct);
    CHECK(shell.one("SELECT count(*) FROM artifact_pin") == "0");
    CHECK(shell.one("SELECT count(*) FROM artifact_loose WHERE writer IS NOT NULL") == "0");
  }

  TEST_CASE("the connection may be lost at every message of a removal: what was removed is told") {
    ProxiedArtifacts with;
    auto& store = *with.artifacts;
    std::uint64_t count = 0;
    for (const bool collects : {false, true}) {
      for (const auto way : {Way::to_server, Way::to_client}) {
        for (const auto what : {What::cut_before, What::cut_after}) {
          CAPTURE(static_cast<int>(way));
          CAPTURE(static_cast<int>(what));
          with_fault_at_every_message(with, way, what, [&](int) {
            const auto id = must(store.put("content " + std::to_string(++count), text_type)).info.id;
            if (!collects) {
              must(store.remove(id));
              CHECK(code_of(store.remove(id)) == artifact_missing);
              return;
            }
            const auto size = must(store.stats()).bytes;
            const auto collected = must(store.collect(everything_before(Timestamp::max())));
            CHECK(collected.removed == 1);
            CHECK(collected.bytes == size);
          });
          CHECK(must(store.stats()).count == 0);
        }
      }
    }
  }

  TEST_CASE("the connection may be lost at every message of an output: each record is new once") {
    ProxiedArtifacts with;
    auto output = must(with.artifacts->output(some_job, "rows"));
    int count = 0;
    for (const auto way : {Way::to_server, Way::to_client}) {
      for (const auto what : {What::cut_before, What::cut_after}) {
        CAPTURE(static_cast<int>(way));
        CAPTURE(static_cast<int>(what));
        with_fault_at_every_message(with, way, what, [&](int) {
          const auto key = std::to_string(++count);
          const auto old_key = std::to_string(count - 1);
          const std::vector<OutputRecord> records{{key, key}, {old_key, "again"}, {key + "+", "more"}};
          CHECK(must(output->append(records)) == (count == 1 ? 3 : 2));
        });
      }
    }
    const auto text = sealed(*with.artifacts, *output);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2 * count + 1);
  }

  TEST_CASE("the connection may be lost at every message of sealing") {
    ProxiedArtifacts with;
    auto output = must(with.artifacts->output(some_job, "rows"));
    must(output->append("a", "1"));
    for (const auto way : {Way::to_server, Way::to_client}) {
      for (const auto what : {What::cut_before, What::cut_after}) {
        CAPTURE(static_cast<int>(way));
        CAPTURE(static_cast<int>(what));
        with_fault_at_every_message(with, way, what, [&](int) {
          CHECK(sealed(*with.artifacts, *output) == "1\n");
          output = must(with.artifacts->output(some_job, "rows"));
        });
      }
    }
  }

  TEST_CASE("a connection that says nothing any more is given up in the middle of an upload") {
    ProxiedArtifacts with("9s");
    must(with.artifacts->put("it is connected", text_type));
    std::uint64_t count = 0;
    for (const auto way : {Way::to_server, Way::to_client}) {
      const auto content = random_bytes(3 * piece, ++count);
      with.proxy.arm({way, What::half_open, 12});
      const auto stored = must(with.artifacts->put(content, text_type));
      CHECK(with.proxy.disarm());
      CHECK(content_of(*with.artifacts, stored.info.id) == content);
    }
  }

  TEST_CASE("nothing is lost and nothing twice in a storm") {
    for (const std::uint64_t seed : {1U, 2U}) {
      CAPTURE(seed);
      ProxiedArtifacts with;
      auto output = must(with.artifacts->output(some_job, "rows"));
      with.proxy.storm(seed, 150);
      std::atomic<int> wrong = 0;
      std::atomic<std::size_t> fresh = 0;
      std::vector<std::thread> threads;
      for (int thread = 0; thread < 3; ++thread) {
        threads.emplace_back([&, thread] {
          for (int i = 0; i < 20; ++i) {
            const auto content = random_bytes(piece + 100, seed * 1000 + static_cast<std::uint64_t>(i));
            const auto stored = with.artifacts->put(content, text_type);
            const auto reader = stored ? with.artifacts->open(stored->info.id) : stored.error();
            const auto read = reader ? (*reader)->read_all(2 * piece) : reader.error();
            if (!read || *read != content) ++wrong;
            const auto key = std::to_string(thread / 2 * 100 + i);
            const auto added = output->append(key, key);
            if (added) {
              fresh += *added;
            } else {
              ++wrong;
            }
          }
        });
      }
      for (auto& thread : threads) thread.join();
      with.proxy.storm(seed, 0);
      CHECK(with.proxy.cuts() > 3);
      CHECK(wrong == 0);
      CHECK(fresh == 40);
      CHECK(must(with.artifacts->stats()).count == 20);
      CHECK(must(with.artifacts->collect(everything_before(Timestamp::max()))).removed == 20);
    }
  }

  TEST_CASE("a server that stays away is a clear error when patience is over, and afterwards all goes on") {
    ProxiedArtifacts with("1s");
    auto output = must(with.artifacts->output(some_job, "rows"));
    auto writer = must(with.artifacts->begin(text_type));
    must(writer->write(random_bytes(2 * piece, 1)));
    with.proxy.refuse(true);
    for (const auto& error : {writer->write(random_bytes(piece, 2)).error(), writer->finish().error(),
                              output->append("k", "1").error(), with.artifacts->put("abc", text_type).error()}) {
      CHECK(error.code == ErrorCode::store_failed);
      CHECK(store_tests::contains(error.message, with.proxy.address()));
    }
    with.proxy.refuse(false);
    CHECK(!with.artifacts->broken());
    CHECK(must(output->append("k", "1")) <= 1);
    CHECK(sealed(*with.artifacts, *output) == "1\n");
    CHECK(must(with.artifacts->put("abc", text_type)).info.size == 3);
  }

  TEST_CASE("the server may crash and come back in the middle of an upload") {
    auto& server = support::PostgresServer::shared();
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    const auto content = random_bytes(6 * piece, 1);
    auto writer = must(a.artifacts->begin(text_type));
    for (std::size_t at = 0; at < content.size(); at += piece / 2) {
      must(writer->write(std::string_view(content).substr(at, piece / 2)));
      if (at == 2 * piece || at == 4 * piece) {
        server.crash();
        server.start();
      }
    }
    const auto stored = must(writer->finish());
    server.crash();
    server.start();
    CHECK(content_of(*a.artifacts, stored.info.id) == content);
    CHECK(must(a.artifacts->pin(stored.info.id)).info == stored.info);
  }
}

}  // namespace coremachine
