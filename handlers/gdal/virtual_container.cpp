#include <algorithm>
#include <utility>

#include "core/model/percent.hpp"
#include "core/model/utf8.hpp"
#include "handlers/container.hpp"
#include "handlers/gdal/gdal.hpp"
#include "handlers/gdal/web_listing.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

using Directory = std::unique_ptr<VSIDIR, decltype(gdal().VSICloseDir)>;

constexpr int everything = VSI_STAT_EXISTS_FLAG | VSI_STAT_NATURE_FLAG | VSI_STAT_SIZE_FLAG;

struct Known {
  std::uint64_t size = 0;
  std::int64_t time = 0;
};

std::optional<Known> known_of(const VSIDIREntry& entry) {
  if (!entry.bModeKnown || !entry.bSizeKnown || !entry.bMTimeKnown) return std::nullopt;
  return Known{static_cast<std::uint64_t>(entry.nSize), static_cast<std::int64_t>(entry.nMTime)};
}

class VirtualContent : public BlobContent {
 public:
  VirtualContent(std::string path, VSILFILE* file, std::uint64_t size)
      : path_(std::move(path)), file_(file), size_(size) {}
  ~VirtualContent() override { gdal().VSIFCloseL(file_); }
  VirtualContent(const VirtualContent&) = delete;
  VirtualContent& operator=(const VirtualContent&) = delete;

  std::size_t read(char* to, std::size_t n) override {
    const GdalMessages messages;
    const auto got = gdal().VSIFReadL(to, 1, n, file_);
    read_ += got;
    // Not every file system of GDAL says which it was, an end or an error; but all of them know the size.
    const bool is_short = got == 0 && read_ < size_;
    if (messages.has_errors() || is_short) {
      throw TaskFailure{.type = "io_error",
                        .message = quoted_path(path_) + " cannot be read: " +
                                   messages.text("it ends after " + std::to_string(read_) + " of " +
                                                 std::to_string(size_) + " bytes")};
    }
    return got;
  }
  std::uint64_t size_hint() const override { return size_; }

 private:
  std::string path_;
  VSILFILE* file_;
  std::uint64_t size_;
  std::uint64_t read_ = 0;
};

/// What GDAL can list comes in any order, so all of it is in memory before it is sorted.
class VirtualContainer : public Container {
 public:
  explicit VirtualContainer(std::string path) : path_(std::move(path)) {}

  void list(const std::string& prefix, Listing& listing) const override {
    // What was seen of it in the past does not count.
    gdal().VSICurlPartialClearCache(path_.c_str());
    auto blobs = read(prefix, listing);
    std::sort(blobs.begin(), blobs.end(), [](const Blob& a, const Blob& b) { return a.name < b.name; });
    for (auto& blob : blobs) {
      if (listing.cancelled() || !listing.add(std::move(blob))) return;
    }
  }

  std::unique_ptr<BlobContent> open(const std::string& name) const override {
    const auto path = path_of(name);
    const GdalMessages messages;
    VSIStatBufL status{};
    const bool is_there = gdal().VSIStatExL(path.c_str(), &status, everything) == 0;
    if (is_there && VSI_ISDIR(status.st_mode)) refuse_blob("not_a_file", path, " is no file");
    if (is_there) {
      if (auto* file = gdal().VSIFOpenL(path.c_str(), "rb")) {
        return std::make_unique<VirtualContent>(path, file, static_cast<std::uint64_t>(status.st_size));
      }
    } else if (!messages.has_errors()) {
      refuse_blob("not_found", path, " does not exist (any more)");
    }
    throw TaskFailure{.type = "io_error", .message = quoted_path(path) + " cannot be read: " + messages.text()};
  }

 private:
  [[noreturn]] static void refuse_blob(const char* type, const std::string& path, const char* why) {
    throw TaskFailure{.type = type, .message = quoted_path(path) + why, .kind = TaskFailure::Kind::permanent};
  }

  bool is_web() const { return path_.starts_with("/vsicurl/http"); }
  std::string path_of(const std::string& name) const {
    return path_ + "/" + (is_web() ? percent_encoded(name, "/") : name);
  }

  /// Only the directory that the prefix names is walked: a bucket may have millions of others.
  std::vector<Blob> read(const std::string& prefix, Listing& listing) const {
    const auto slash = prefix.rfind('/');
    const auto inside = slash == std::string::npos ? std::string() : prefix.substr(0, slash + 1);
    const GdalMessages messages;
    std::vector<Blob> blobs;
    if (is_web()) {
      if (!read_page("", prefix, listing, blobs)) refuse_listing(messages);
      return blobs;
    }
    const Directory directory(open_directory(""), gdal().VSICloseDir);
    if (!directory) refuse_listing(messages);
    if (inside.empty()) return read_all(directory.get(), "", prefix, listing);
    const Directory part(open_directory("/" + inside.substr(0, inside.size() - 1)), gdal().VSICloseDir);
    return part ? read_all(part.get(), inside, prefix, listing) : std::vector<Blob>();
  }

  [[noreturn]] void refuse_listing(const GdalMessages& messages) const {
    refuse_params("container_name: " + quoted_path(path_) +
                  " cannot be listed: " + messages.text("it does not exist, or is nothing that GDAL can list"));
  }

  /// What a web server says of one of its directories, and of those below it. GDAL knows the pages of some servers
  /// only.
  bool read_page(const std::string& inside, const std::string& prefix, Listing& listing,
                 std::vector<Blob>& blobs) const {
    const std::unique_ptr<VSILFILE, decltype(gdal().VSIFCloseL)> page(gdal().VSIFOpenL(path_of(inside).c_str(), "rb"),
                                                                      gdal().VSIFCloseL);
    if (!page) return false;
    std::string html;
    constexpr std::size_t piece = 64 * 1024;
    constexpr std::size_t most = 64 * piece * 16;
    for (std::size_t got = piece; got == piece && html.size() < most;) {
      const auto before = html.size();
      html.resize(before + piece);
      got = gdal().VSIFReadL(html.data() + before, 1, piece, page.get());
      html.resize(before + got);
    }
    for (const auto& name : names_in_web_listing(html)) {
      if (listing.cancelled()) return true;
      const auto whole = inside + name;
      const auto shared = name.ends_with('/') ? std::min(whole.size(), prefix.size()) : prefix.size();
      if (whole.compare(0, shared, prefix, 0, shared) != 0) continue;
      if (find_invalid_utf8(whole) != std::string::npos) {
        listing.skip();
      } else if (name.ends_with('/')) {
        if (!read_page(whole, prefix, listing, blobs)) listing.miss(whole, "it cannot be read");
      } else if (Blob blob{.name = whole}; complete({}, blob)) {
        blobs.push_back(std::move(blob));
      }
    }
    return true;
  }

  VSIDIR* open_directory(const std::string& inside) const {
    constexpr int all_the_way_down = -1;
    return gdal().VSIOpenDir((path_ + inside).c_str(), all_the_way_down, nullptr);
  }

  std::vector<Blob> read_all(VSIDIR* directory, const std::string& inside, const std::string& prefix,
                             Listing& listing) const {
    std::vector<Blob> blobs;
    while (const auto* entry = gdal().VSIGetNextDirEntry(directory)) {
      if (listing.cancelled()) break;
      if (entry->bModeKnown && !VSI_ISREG(entry->nMode)) continue;
      Blob blob{.name = inside + entry->pszName};
      if (!blob.name.starts_with(prefix)) continue;
      if (find_invalid_utf8(blob.name) != std::string::npos) {
        listing.skip();
      } else if (!stays_inside(blob.name)) {
        listing.miss(blob.name, "the name leads out of the container");
      } else if (complete(known_of(*entry), blob)) {
        blobs.push_back(std::move(blob));
      }
    }
    return blobs;
  }

  /// What GDAL knows of an entry, and if that is not all what the blob says itself.
  bool complete(const std::optional<Known>& known, Blob& blob) const {
    auto size = known ? known->size : 0;
    auto time = known ? known->time : 0;
    if (!known) {
      VSIStatBufL status{};
      const auto path = path_of(blob.name);
      if (gdal().VSIStatExL(path.c_str(), &status, everything) != 0 || !VSI_ISREG(status.st_mode)) return false;
      size = static_cast<std::uint64_t>(status.st_size);
      time = status.st_mtime;
    }
    blob.size = size;
    blob.modified = Timestamp(std::chrono::seconds(time));
    return true;
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<Container> open_virtual_container(const std::string& path) {
  auto end = path.size();
  while (end > 1 && path[end - 1] == '/') --end;
  return std::make_unique<VirtualContainer>(path.substr(0, end));
}

}  // namespace coremachine::builtin
