#include "handlers/raster/tile_file.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <system_error>
#include <utility>

#include "handlers/raster/disk_file.hpp"
#include "handlers/raster/tiff.hpp"

namespace coremachine::builtin {

namespace {

constexpr std::uint64_t magic = 0x31656c6974636d63;  // cmctile1

/// Against accidents: four sums beside each other, each multiplied at every step.
std::uint64_t checksum_of(std::string_view bytes) {
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;
  std::array<std::uint64_t, 4> sums{1, 2, 3, 4};
  const auto take = [&](std::uint64_t& sum, std::uint64_t word) { sum = std::rotl((sum ^ word) * factor, 29); };
  std::size_t at = 0;
  std::uint64_t word = 0;
  for (; at + 32 <= bytes.size(); at += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::memcpy(&word, bytes.data() + at + 8 * lane, 8);
      take(sums[lane], word);
    }
  }
  for (; at < bytes.size(); ++at) take(sums[at % 4], static_cast<unsigned char>(bytes[at]));
  std::uint64_t total = bytes.size();
  for (const auto sum : sums) take(total, sum);
  return total;
}

class IndexWriter {
 public:
  void add(std::uint64_t number) { text_.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

class IndexReader {
 public:
  explicit IndexReader(std::string_view text) : text_(text) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    if (text_.size() - at_ < sizeof value) throw DamagedTile{"its index ends too early"};
    std::memcpy(&value, text_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  double real() { return std::bit_cast<double>(number()); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

void write_bands(IndexWriter& index, const std::vector<BandStatistics>& bands) {
  index.add(std::uint64_t{bands.size()});
  for (const auto& band : bands) {
    index.add(band.count);
    for (const double value : {band.least, band.greatest, band.mean, band.squares}) index.add(value);
  }
}

std::vector<BandStatistics> read_bands(IndexReader& index) {
  std::vector<BandStatistics> bands(index.number());
  for (auto& band : bands) {
    band.count = index.number();
    for (double* value : {&band.least, &band.greatest, &band.mean, &band.squares}) *value = index.real();
  }
  return bands;
}

constexpr std::size_t head_bytes = 3 * sizeof(std::uint64_t);

}  // namespace

void write_tile(const std::string& path, const TileIndex& tile, const std::vector<std::string_view>& blocks,
                std::string_view rest) {
  IndexWriter index;
  index.add(std::uint64_t{tile.levels.size()});
  std::vector<std::string> rows;
  std::size_t next = 0;
  for (const auto& level : tile.levels) {
    index.add(level.columns);
    index.add(level.rows);
    for (const auto size : level.sizes) index.add(std::uint64_t{size});
    for (std::uint64_t row = 0; row < level.rows; ++row) {
      auto& text = rows.emplace_back();
      for (std::uint64_t column = 0; column < level.columns; ++column) text += framed_block(blocks[next++]);
      index.add(checksum_of(text));
    }
  }
  write_bands(index, tile.bands);
  index.add(std::uint64_t{rest.size()});
  index.add(checksum_of(rest));
  const auto text = index.take();
  IndexWriter head;
  for (const std::uint64_t number : {magic, std::uint64_t{text.size()}, checksum_of(text)}) head.add(number);

  NewFile file(path);
  file.write(head.take());
  file.write(text);
  for (const auto& row : rows) file.write(row);
  file.write(rest);
  file.publish();
}

TileFile::TileFile(std::string path) : path_(std::move(path)) {
  std::string head;
  read_exactly(path_, 0, head_bytes, head);
  IndexReader numbers(head);
  if (numbers.number() != magic) throw DamagedTile{"it does not begin as a tile"};
  const auto bytes = numbers.number();
  const auto checksum = numbers.number();
  constexpr std::uint64_t most_index_bytes = 64 << 20;
  if (bytes > most_index_bytes) throw DamagedTile{"its index is damaged"};
  std::string text;
  read_exactly(path_, head_bytes, bytes, text);
  if (checksum_of(text) != checksum) throw DamagedTile{"its index is damaged"};

  IndexReader index(text);
  auto offset = head_bytes + bytes;
  index_.levels.resize(index.number());
  for (auto& level : index_.levels) {
    level.columns = index.number();
    level.rows = index.number();
    for (std::uint64_t i = 0; i < level.columns * level.rows; ++i) {
      level.sizes.push_back(static_cast<std::uint32_t>(index.number()));
    }
    auto& rows = rows_.emplace_back();
    for (std::uint64_t row = 0; row < level.rows; ++row) {
      Piece piece{offset, 0, index.number()};
      for (std::uint64_t i = 0; i < level.columns; ++i)
        piece.bytes += level.sizes[row * level.columns + i] + block_frame;
      offset += piece.bytes;
      rows.push_back(piece);
    }
  }
  index_.bands = read_bands(index);
  index_.rest_bytes = index.number();
  rest_ = {offset, index_.rest_bytes, index.number()};
}

void TileFile::read(const Piece& piece, std::string& to) const {
  read_exactly(path_, piece.offset, piece.bytes, to);
  if (checksum_of(to) != piece.checksum) throw DamagedTile{"its blocks are damaged"};
}

void TileFile::read_row(std::size_t level, std::size_t row, std::string& to) const {
  read(rows_.at(level).at(row), to);
}
void TileFile::read_rest(std::string& to) const {
  read(rest_, to);
}

}  // namespace coremachine::builtin
