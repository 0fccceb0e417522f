#include "handlers/gdal/gdal.hpp"

#include <dlfcn.h>

#include <mutex>

#include "core/model/utf8.hpp"

namespace coremachine::builtin {

namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw TaskFailure{
      .type = "no_gdal",
      .message = "GDAL cannot be loaded: " + why +
                 "; install the library that this program was built for (on Debian and Ubuntu the package " +
                 COREMACHINE_GDAL_PACKAGE + ")",
      .kind = TaskFailure::Kind::permanent};
}

void find(void* library, const char* name, void*& place) {
  place = ::dlsym(library, name);
  if (!place) refuse(std::string(COREMACHINE_GDAL_SONAME) + " has no " + name);
}

Gdal load() {
  // It stays loaded: its threads and thread-local objects outlive any use.
  void* library = ::dlopen(COREMACHINE_GDAL_SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) refuse(::dlerror());
  Gdal found;
#define COREMACHINE_GDAL_FIND(name) find(library, #name, reinterpret_cast<void*&>(found.name));
  COREMACHINE_GDAL_FUNCTIONS(COREMACHINE_GDAL_FIND)
#undef COREMACHINE_GDAL_FIND
  found.CPLSetErrorHandler(found.CPLQuietErrorHandler);
  if (!found.CPLGetConfigOption("GDAL_CACHEMAX", nullptr)) found.GDALSetCacheMax64(gdal_cache_bytes);
  found.GDALAllRegister();
  return found;
}

}  // namespace

const Gdal& gdal() {
  // Not a static that is initialised by load(): after it has thrown, the next task may do better.
  static std::mutex mutex;
  static const Gdal* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (!loaded) loaded = new Gdal(load());
  return *loaded;
}

GdalMessages::GdalMessages() {
  gdal().CPLErrorReset();
  gdal().CPLPushErrorHandlerEx(&take, this);
}
GdalMessages::~GdalMessages() {
  gdal().CPLPopErrorHandler();
}

void GdalMessages::take(CPLErr kind, CPLErrorNum, const char* message) {
  auto& self = *static_cast<GdalMessages*>(gdal().CPLGetErrorHandlerUserData());
  constexpr std::size_t most = 3;
  if (kind == CE_Warning) self.warning_ = message;
  if (kind >= CE_Failure && self.errors_.size() < most) self.errors_.emplace_back(message);
}

std::string GdalMessages::text(const std::string& otherwise) const {
  std::string all;
  for (const auto& error : errors_) {
    if (all.find(error) == std::string::npos) all += (all.empty() ? "" : "; ") + error;
  }
  if (all.empty()) all = warning_.empty() ? otherwise : warning_;
  constexpr std::size_t longest = 1000;
  if (all.size() > longest) all.resize(longest);
  for (auto& c : all) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  for (auto at = find_invalid_utf8(all); at != std::string::npos; at = find_invalid_utf8(all)) all[at] = '?';
  return all;
}

Crs crs_from(const std::string& text) {
  const GdalMessages quiet;
  Crs crs(gdal().OSRNewSpatialReference(nullptr));
  if (gdal().OSRSetFromUserInput(crs.get(), text.c_str()) != OGRERR_NONE) return nullptr;
  gdal().OSRSetAxisMappingStrategy(crs.get(), OAMS_TRADITIONAL_GIS_ORDER);
  return crs;
}

}  // namespace coremachine::builtin
