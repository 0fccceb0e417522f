#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/time.hpp>

namespace coremachine::builtin {

/// A blob as a listing finds it.
struct Blob {
  std::string name;  ///< relative to the container, `/` between its parts, valid UTF-8
  std::uint64_t size = 0;
  Timestamp modified{};
};

/// Takes in what a listing finds.
class Listing {
 public:
  virtual ~Listing() = default;
  virtual bool cancelled() const = 0;
  /// In the order of the bytes of their names. False: it is enough.
  virtual bool add(Blob blob) = 0;
  /// There is a blob whose name is not UTF-8 and so cannot be said in JSON.
  virtual void skip() = 0;
  /// A part of the container that cannot be looked into.
  virtual void miss(std::string_view name, std::string why) = 0;
};

/// A blob being read from its beginning on.
class BlobContent {
 public:
  virtual ~BlobContent() = default;
  /// 0 at the end. Throws TaskFailure.
  virtual std::size_t read(char* to, std::size_t n) = 0;
  /// What was said of the size when it was opened; 0 if nobody knows.
  virtual std::uint64_t size_hint() const = 0;
};

/// Where blobs lie. Others may change it meanwhile: what vanishes under the feet of a listing was never there.
/// Everything throws TaskFailure.
class Container {
 public:
  virtual ~Container() = default;
  /// Tells `listing` of every blob whose name begins with `prefix`, until that has enough or is cancelled.
  virtual void list(const std::string& prefix, Listing& listing) const = 0;
  virtual std::unique_ptr<BlobContent> open(const std::string& name) const = 0;
};

/// A directory; or, if the name begins with `/vsi`, what GDAL can list: `/vsizip/…`, `/vsis3/…`, `/vsicurl/…`.
std::unique_ptr<Container> open_container(const std::string& name);

std::unique_ptr<Container> open_directory(const std::string& path);
/// Throws TaskFailure if this program was built without GDAL, or GDAL cannot be loaded.
std::unique_ptr<Container> open_virtual_container(const std::string& path);

/// Whether a name stays inside of its container: relative, and without a part that leads up.
bool stays_inside(std::string_view name);

/// Names of one directory, one after the other in one piece of memory: there may be millions.
class NameList {
 public:
  void add(std::string_view name, bool is_directory);
  /// By their bytes, a directory as if a `/` were behind it: so a walk in this order meets all names below it in order.
  void sort();
  std::size_t size() const { return starts_.size(); }
  std::string_view operator[](std::size_t i) const { return std::string_view(text_.data() + starts_[i]); }

 private:
  std::string text_;
  std::vector<std::size_t> starts_;
};

}  // namespace coremachine::builtin
