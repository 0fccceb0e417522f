// Runs one fuzz target without a fuzzer: over its corpus, and over seeds of it that were damaged at random, by number.
//
//   fuzz_replay TARGET CORPUS [COUNT]      COUNT damaged inputs, 20,000 if it is not said
//   fuzz_replay TARGET FILE                one input, such as the one that a broken promise left behind
//   fuzz_replay --expect TARGET…           fails if these are not all there are

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "tests/fuzz/targets.hpp"

using namespace coremachine;

namespace {

constexpr std::size_t longest = 4096;
constexpr std::array<std::string_view, 24> tokens = {"\r\n",
                                                     "\n",
                                                     "\r",
                                                     ": ",
                                                     "Content-Length: ",
                                                     "Transfer-Encoding: chunked\r\n",
                                                     "Host: a\r\n",
                                                     "0\r\n\r\n",
                                                     "HTTP/1.1",
                                                     "%2F",
                                                     "%00",
                                                     "\\u",
                                                     "\\ud800",
                                                     "1e400",
                                                     "99999999999999999999",
                                                     "{\"a\":",
                                                     "[[[[",
                                                     "]]]]",
                                                     "*/",
                                                     "L-",
                                                     "@yearly",
                                                     "2026-01-31T12:00:00Z",
                                                     "\xEF\xBB\xBF",
                                                     "\xed\xa0\x80"};

std::string current;

// A crash leaves its input behind, as a fuzzer would.
extern "C" void keep_input(int signal) {
  const int file = open("fuzz-crash", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0) {
    const auto size = write(file, current.data(), current.size());
    static_cast<void>(size);
    close(file);
    constexpr std::string_view message = "the input is in ./fuzz-crash\n";
    const auto told = write(STDERR_FILENO, message.data(), message.size());
    static_cast<void>(told);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class Damager {
 public:
  explicit Damager(const std::vector<std::string>& seeds) : seeds_(seeds) {}

  std::string next() {
    auto text = seeds_[below(seeds_.size())];
    for (auto times = 1 + below(6); times > 0; --times) damage(text);
    if (text.size() > longest) text.resize(longest);
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  void damage(std::string& text) {
    const auto at = below(text.size() + 1);
    const auto length = std::min(1 + below(16), text.size() - at);
    switch (below(7)) {
      case 0: text.insert(at, 1, static_cast<char>(random_())); break;
      case 1: text.insert(at, tokens[below(tokens.size())]); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(below(text.size() + 1), text.substr(at, length)); break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ static_cast<char>(1U << below(8)));
        break;
      case 5:
        if (at < text.size()) text[at] = static_cast<char>(random_());
        break;
      case 6: {
        const auto& other = seeds_[below(seeds_.size())];
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_{1};
};

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> read_corpus(const std::filesystem::path& path) {
  if (std::filesystem::is_regular_file(path)) return {content_of(path)};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) seeds.push_back(content_of(file));
  return seeds;
}

bool are_all(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  std::vector<std::string> known;
  for (const auto& target : fuzz::targets()) known.emplace_back(target.name);
  std::sort(known.begin(), known.end());
  if (names == known) return true;
  std::fprintf(stderr, "each target has to have a folder of seeds, and each folder a target\n");
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "--expect")
    return are_all({arguments.begin() + 1, arguments.end()}) ? 0 : 1;
  const auto* const target = arguments.empty() ? nullptr : fuzz::find_target(arguments[0]);
  if (target == nullptr || arguments.size() < 2) {
    std::fprintf(stderr, "usage: fuzz_replay TARGET CORPUS [COUNT]\n");
    for (const auto& known : fuzz::targets()) std::fprintf(stderr, "  %s\n", std::string(known.name).c_str());
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, keep_input);
  const auto seeds = read_corpus(arguments[1]);
  if (seeds.empty()) {
    std::fprintf(stderr, "there is nothing in %s\n", arguments[1].c_str());
    return 2;
  }
  const auto run = [&](std::string input) {
    current = std::move(input);
    target->run(current);
  };
  for (const auto& seed : seeds) run(seed);
  unsigned long count = std::filesystem::is_directory(arguments[1]) ? 20'000 : 0;
  if (arguments.size() > 2) count = std::stoul(arguments[2]);
  Damager damager(seeds);
  for (unsigned long i = 0; i < count; ++i) run(damager.next());
  std::printf("%s: %zu seeds and %lu damaged inputs\n", arguments[0].c_str(), seeds.size(), count);
  return 0;
}
