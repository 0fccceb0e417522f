#include "handlers/media_type.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/model/utf8.hpp"

namespace coremachine::builtin {

namespace {

using Row = std::pair<std::string_view, std::string_view>;

constexpr std::array by_extension{
    Row{"7z", "application/x-7z-compressed"},
    Row{"avif", "image/avif"},
    Row{"bmp", "image/bmp"},
    Row{"bz2", "application/x-bzip2"},
    Row{"css", "text/css"},
    Row{"csv", "text/csv"},
    Row{"geojson", "application/geo+json"},
    Row{"gif", "image/gif"},
    Row{"gpkg", "application/geopackage+sqlite3"},
    Row{"gz", "application/gzip"},
    Row{"htm", "text/html"},
    Row{"html", "text/html"},
    Row{"jp2", "image/jp2"},
    Row{"jpeg", "image/jpeg"},
    Row{"jpg", "image/jpeg"},
    Row{"js", "text/javascript"},
    Row{"json", "application/json"},
    Row{"jsonl", "application/jsonl"},
    Row{"kml", "application/vnd.google-earth.kml+xml"},
    Row{"log", "text/plain"},
    Row{"md", "text/markdown"},
    Row{"mp3", "audio/mpeg"},
    Row{"mp4", "video/mp4"},
    Row{"nc", "application/x-netcdf"},
    Row{"parquet", "application/vnd.apache.parquet"},
    Row{"pdf", "application/pdf"},
    Row{"png", "image/png"},
    Row{"sqlite", "application/vnd.sqlite3"},
    Row{"svg", "image/svg+xml"},
    Row{"tar", "application/x-tar"},
    Row{"tif", "image/tiff"},
    Row{"tiff", "image/tiff"},
    Row{"toml", "application/toml"},
    Row{"tsv", "text/tab-separated-values"},
    Row{"txt", "text/plain"},
    Row{"wasm", "application/wasm"},
    Row{"wav", "audio/wav"},
    Row{"webp", "image/webp"},
    Row{"xml", "application/xml"},
    Row{"xz", "application/x-xz"},
    Row{"yaml", "application/yaml"},
    Row{"yml", "application/yaml"},
    Row{"zip", "application/zip"},
    Row{"zst", "application/zstd"},
};
static_assert(std::is_sorted(by_extension.begin(), by_extension.end()));

constexpr std::array by_beginning{
    Row{"\x89PNG\r\n\x1A\n", "image/png"},
    Row{"\xFF\xD8\xFF", "image/jpeg"},
    Row{"GIF87a", "image/gif"},
    Row{"GIF89a", "image/gif"},
    Row{"%PDF-", "application/pdf"},
    Row{"PK\x03\x04", "application/zip"},
    Row{"\x1F\x8B", "application/gzip"},
    Row{"BZh", "application/x-bzip2"},
    Row{"\xFD"
        "7zXZ",
        "application/x-xz"},
    Row{"\x28\xB5\x2F\xFD", "application/zstd"},
    Row{std::string_view("II*\0", 4), "image/tiff"},
    Row{std::string_view("MM\0*", 4), "image/tiff"},
    Row{std::string_view("II+\0", 4), "image/tiff"},
    Row{std::string_view("MM\0+", 4), "image/tiff"},
    Row{std::string_view("SQLite format 3\0", 16), "application/vnd.sqlite3"},
    Row{"PAR1", "application/vnd.apache.parquet"},
    Row{"\x7F"
        "ELF",
        "application/x-elf"},
};

bool is_text(std::string_view beginning) {
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  };
  if (beginning.empty() || std::any_of(beginning.begin(), beginning.end(), is_control)) return false;
  // The last character may be cut off by the end of what was given.
  const auto fault = find_invalid_utf8(beginning);
  return fault == std::string_view::npos || (beginning.size() == beginning_size && fault + 3 >= beginning.size());
}

}  // namespace

std::string_view media_type_of(std::string_view name, std::string_view beginning) {
  const auto file = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  if (const auto dot = file.rfind('.'); dot != std::string_view::npos && dot > 0) {
    std::string extension(file.substr(dot + 1));
    for (auto& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto row = std::lower_bound(by_extension.begin(), by_extension.end(), std::string_view(extension),
                                      [](const Row& a, std::string_view b) { return a.first < b; });
    if (row != by_extension.end() && row->first == extension) return row->second;
  }
  for (const auto& [magic, type] : by_beginning) {
    if (beginning.starts_with(magic)) return type;
  }
  return is_text(beginning) ? "text/plain" : "application/octet-stream";
}

}  // namespace coremachine::builtin
