#include "handlers/raster/tiff.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace coremachine::builtin {

namespace {

constexpr std::uint16_t type_short = 3;
constexpr std::uint16_t type_long = 4;
constexpr std::uint16_t type_long8 = 16;

std::uint64_t size_of_type(std::uint16_t type) {
  constexpr std::array<std::uint8_t, 19> sizes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
  const auto size = type < sizes.size() ? sizes[type] : 0;
  if (size == 0) throw std::runtime_error("a TIFF has a field of type " + std::to_string(type));
  return size;
}

std::uint64_t number_at(std::string_view bytes, std::uint64_t at, std::size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) throw std::runtime_error("a TIFF ends too early");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

void append(std::string& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

TiffTag tag_of(std::uint16_t id, std::uint16_t type, const std::vector<std::uint64_t>& values) {
  TiffTag tag{id, type, values.size(), {}};
  const auto size = size_of_type(type);
  tag.values.reserve(values.size() * size);
  for (const auto value : values) append(tag.values, value, size);
  return tag;
}

void put(std::vector<TiffTag>& tags, TiffTag tag) {
  std::erase_if(tags, [&](const TiffTag& other) { return other.id == tag.id; });
  const auto place = std::find_if(tags.begin(), tags.end(), [&](const TiffTag& other) { return other.id > tag.id; });
  tags.insert(place, std::move(tag));
}

/// An overview is the same raster: it lies where that does, and is told of there.
std::vector<TiffTag> without_place(std::vector<TiffTag> tags) {
  constexpr std::array<std::uint16_t, 8> of_the_whole{tag_pixel_scale, tag_tie_points,   tag_transformation,
                                                      tag_geo_keys,    tag_geo_doubles,  tag_geo_texts,
                                                      tag_rpc,         tag_gdal_metadata};
  std::erase_if(tags, [&](const TiffTag& tag) {
    return std::find(of_the_whole.begin(), of_the_whole.end(), tag.id) != of_the_whole.end();
  });
  return tags;
}

/// What GDAL's readers look for between the header and the first directory.
std::string structural_remark() {
  const std::string text =
      "LAYOUT=IFDS_BEFORE_DATA\n"
      "BLOCK_ORDER=ROW_MAJOR\n"
      "BLOCK_LEADER=SIZE_AS_UINT4\n"
      "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n"
      "KNOWN_INCOMPATIBLE_EDITION=NO\n ";  // the blank leaves room for who edits the file to say YES
  std::array<char, 64> first{};
  std::snprintf(first.data(), first.size(), "GDAL_STRUCTURAL_METADATA_SIZE=%06zu bytes\n", text.size());
  return first.data() + text;
}

/// How directories are written: with 32-bit offsets while the file has less than 4 GiB, else as BigTIFF.
class Form {
 public:
  explicit Form(bool big) : big_(big) {}

  std::string header() const {
    std::string text = big_ ? std::string("II\x2B\0\x08\0\0\0", 8) : std::string("II\x2A\0", 4);
    const auto remark = structural_remark();
    auto first = text.size() + word() + remark.size();
    first += first % 2;
    append(text, first, word());
    text += remark;
    if (text.size() % 2 != 0) text.push_back('\0');
    return text;
  }

  /// A directory at an offset of the file, with the values that do not fit into it behind it.
  std::string directory(const std::vector<TiffTag>& tags, std::uint64_t at, bool is_last) const {
    std::string text;
    std::string values;
    append(text, tags.size(), big_ ? 8 : 2);
    const auto entry = 4 + 2 * word();
    const auto values_at = at + text.size() + tags.size() * entry + word();
    for (const auto& tag : tags) {
      append(text, tag.id, 2);
      append(text, tag.type, 2);
      append(text, tag.count, word());
      if (tag.values.size() <= word()) {
        text += tag.values;
        text.append(word() - tag.values.size(), '\0');
      } else {
        append(text, values_at + values.size(), word());
        values += tag.values;
        if (values.size() % 2 != 0) values.push_back('\0');
      }
    }
    append(text, is_last ? 0 : values_at + values.size(), word());
    return text + values;
  }

  std::uint16_t offset_type() const { return big_ ? type_long8 : type_long; }

 private:
  std::size_t word() const { return big_ ? 8 : 4; }
  bool big_;
};

std::uint64_t bytes_of(const CogLevel& level) {
  std::uint64_t bytes = 0;
  for (const auto size : level.sizes) bytes += size + block_frame;
  return bytes;
}

/// Where the blocks of each level begin, if all that is before them has this size.
std::vector<std::vector<std::uint64_t>> offsets_behind(std::uint64_t head, const std::vector<CogLevel>& levels) {
  std::vector<std::vector<std::uint64_t>> offsets(levels.size());
  auto at = head;
  for (auto level = levels.size(); level-- > 0;) {
    offsets[level].reserve(levels[level].sizes.size());
    for (const auto size : levels[level].sizes) {
      offsets[level].push_back(at + 4);
      at += size + block_frame;
    }
  }
  return offsets;
}

std::string head_in(const Form& form, const std::vector<TiffTag>& directory, const std::vector<CogLevel>& levels,
                    std::uint64_t assumed_size) {
  const auto offsets = offsets_behind(assumed_size, levels);
  auto text = form.header();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    auto tags = i == 0 ? directory : without_place(directory);
    if (i > 0) {
      put(tags, long_tag(tag_new_subfile_type, 1));
      put(tags, long_tag(tag_width, static_cast<std::uint32_t>(levels[i].width)));
      put(tags, long_tag(tag_height, static_cast<std::uint32_t>(levels[i].height)));
    }
    put(tags, tag_of(tag_tile_offsets, form.offset_type(), offsets[i]));
    put(tags, tag_of(tag_tile_byte_counts, type_long, {levels[i].sizes.begin(), levels[i].sizes.end()}));
    text += form.directory(tags, text.size(), i + 1 == levels.size());
  }
  return text;
}

}  // namespace

std::vector<TiffTag> read_directory(std::string_view file) {
  if (!file.starts_with(std::string_view("II\x2B\0\x08\0\0\0", 8))) throw std::runtime_error("this is no BigTIFF");
  auto at = number_at(file, 8, 8);
  const auto count = number_at(file, at, 8);
  at += 8;
  std::vector<TiffTag> tags;
  for (std::uint64_t i = 0; i < count; ++i, at += 20) {
    TiffTag tag{static_cast<std::uint16_t>(number_at(file, at, 2)),
                static_cast<std::uint16_t>(number_at(file, at + 2, 2)),
                number_at(file, at + 4, 8),
                {}};
    const auto unit = size_of_type(tag.type);
    if (tag.count > file.size() / unit) throw std::runtime_error("a TIFF ends too early");
    const auto bytes = tag.count * unit;
    const auto place = bytes <= 8 ? at + 12 : number_at(file, at + 12, 8);
    number_at(file, place + bytes, 0);
    tag.values = std::string(file.substr(place, bytes));
    tags.push_back(std::move(tag));
  }
  return tags;
}

std::vector<std::uint64_t> numbers_of(const TiffTag& tag) {
  const auto unit = size_of_type(tag.type);
  std::vector<std::uint64_t> numbers;
  numbers.reserve(tag.count);
  for (std::uint64_t i = 0; i < tag.count; ++i) numbers.push_back(number_at(tag.values, i * unit, unit));
  return numbers;
}

TiffTag short_tag(std::uint16_t id, std::uint16_t value) {
  return tag_of(id, type_short, {value});
}
TiffTag long_tag(std::uint16_t id, std::uint32_t value) {
  return tag_of(id, type_long, {value});
}

std::string framed_block(std::string_view block) {
  std::string text;
  text.reserve(block.size() + block_frame);
  append(text, block.size(), 4);
  text += block;
  return text += block.substr(block.size() - 4);
}

std::string cog_head(const std::vector<TiffTag>& directory, const std::vector<CogLevel>& levels) {
  // The offsets are of a fixed width, so the head is as long whatever they are.
  std::uint64_t data = 0;
  for (const auto& level : levels) data += bytes_of(level);
  Form form(false);
  auto size = head_in(form, directory, levels, 0).size();
  constexpr std::uint64_t most_classic = 0xFFFFFFFF;
  if (size + data > most_classic) {
    form = Form(true);
    size = head_in(form, directory, levels, 0).size();
  }
  return head_in(form, directory, levels, size);
}

}  // namespace coremachine::builtin
