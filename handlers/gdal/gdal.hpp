#pragma once

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <gdal_utils.h>
#include <ogr_srs_api.h>

#include <memory>
#include <string>
#include <vector>

#include <coremachine/registry/task_handler.hpp>

namespace coremachine::builtin {

// What is used of GDAL's C interface. It is loaded when it is first needed and not linked: GDAL and its hundred
// libraries cost 50 ms and 35 MB, which every call of the program would pay, and the program runs without it.
// clang-format off
#define COREMACHINE_GDAL_FUNCTIONS(F) \
  F(CPLErrorReset) F(CPLGetConfigOption) F(CPLGetErrorHandlerUserData) F(CPLPopErrorHandler) \
  F(CPLPushErrorHandlerEx) F(CPLQuietErrorHandler) F(CPLSetErrorHandler) F(CSLAddString) F(CSLDestroy) \
  F(GDALAllRegister) F(GDALClose) F(GDALCreate) F(GDALCreateGenImgProjTransformer2) F(GDALDataTypeUnion) \
  F(GDALDatasetRasterIOEx) F(GDALDestroyGenImgProjTransformer) F(GDALFlushCache) F(GDALGenImgProjTransform) \
  F(GDALGetColorInterpretationName) F(GDALGetDataTypeName) F(GDALGetDatasetDriver) F(GDALGetDescription) \
  F(GDALGetDriverByName) F(GDALGetDriverShortName) F(GDALGetGCPCount) F(GDALGetGCPSpatialRef) \
  F(GDALGetGeoTransform) F(GDALGetMaskFlags) F(GDALGetMetadata) F(GDALGetMetadataItem) F(GDALGetRasterBand) \
  F(GDALGetRasterColorInterpretation) F(GDALGetRasterColorTable) F(GDALGetRasterCount) F(GDALGetRasterDataType) \
  F(GDALGetRasterNoDataValue) F(GDALGetRasterOffset) F(GDALGetRasterScale) F(GDALGetRasterUnitType) \
  F(GDALGetRasterXSize) F(GDALGetRasterYSize) F(GDALGetSpatialRef) F(GDALOpenEx) F(GDALSetCacheMax64) \
  F(GDALSetDescription) F(GDALSetGeoTransform) F(GDALSetMetadata) F(GDALSetRasterColorInterpretation) \
  F(GDALSetRasterColorTable) F(GDALSetRasterNoDataValue) F(GDALSetRasterOffset) F(GDALSetRasterScale) \
  F(GDALSetRasterUnitType) F(GDALSetSpatialRef) F(GDALWarp) F(GDALWarpAppOptionsFree) F(GDALWarpAppOptionsNew) \
  F(OCTDestroyCoordinateTransformation) F(OCTNewCoordinateTransformation) F(OCTTransform) F(OCTTransformBounds) \
  F(OSRClone) F(OSRDestroySpatialReference) F(OSRExportToPROJJSON) F(OSRExportToWktEx) F(OSRGetAuthorityCode) \
  F(OSRGetAuthorityName) F(OSRGetName) F(OSRIsGeographic) F(OSRNewSpatialReference) F(OSRSetAxisMappingStrategy) \
  F(OSRSetFromUserInput) F(VSICloseDir) F(VSICurlPartialClearCache) F(VSIFCloseL) F(VSIFOpenL) \
  F(VSIFReadL) F(VSIFree) F(VSIGetMemFileBuffer) F(VSIGetNextDirEntry) F(VSIOpenDir) F(VSIStatExL) F(VSIUnlink)
// clang-format on

struct Gdal {
#define COREMACHINE_GDAL_MEMBER(name) decltype(&::name) name = nullptr;
  COREMACHINE_GDAL_FUNCTIONS(COREMACHINE_GDAL_MEMBER)
#undef COREMACHINE_GDAL_MEMBER
};

/// GDAL, loaded and set up by the first call: its drivers are registered, it writes nothing to standard error, and
/// keeps `gdal_cache_bytes` of blocks unless GDAL_CACHEMAX says otherwise. From any thread. Throws TaskFailure if it
/// cannot be loaded.
const Gdal& gdal();

inline constexpr std::int64_t gdal_cache_bytes = std::int64_t{256} << 20U;

/// While it lives, what GDAL has to say on this thread is kept here.
class GdalMessages {
 public:
  GdalMessages();
  ~GdalMessages();
  GdalMessages(const GdalMessages&) = delete;
  GdalMessages& operator=(const GdalMessages&) = delete;

  bool has_errors() const { return !errors_.empty(); }
  /// The first errors, as one sentence of valid UTF-8; else the last warning, else this.
  std::string text(const std::string& otherwise = "GDAL does not say why") const;

 private:
  static void CPL_STDCALL take(CPLErr kind, CPLErrorNum number, const char* message);
  std::vector<std::string> errors_;
  std::string warning_;
};

/// A list of texts as GDAL takes them.
class GdalList {
 public:
  GdalList& add(const std::string& text) {
    list_ = gdal().CSLAddString(list_, text.c_str());
    return *this;
  }
  GdalList() = default;
  ~GdalList() { gdal().CSLDestroy(list_); }
  GdalList(const GdalList&) = delete;
  GdalList& operator=(const GdalList&) = delete;
  char** get() const { return list_; }

 private:
  char** list_ = nullptr;
};

struct CloseDataset {
  using pointer = GDALDatasetH;
  void operator()(GDALDatasetH dataset) const { gdal().GDALClose(dataset); }
};
using Dataset = std::unique_ptr<void, CloseDataset>;

struct DestroyCrs {
  using pointer = OGRSpatialReferenceH;
  void operator()(OGRSpatialReferenceH crs) const { gdal().OSRDestroySpatialReference(crs); }
};
using Crs = std::unique_ptr<void, DestroyCrs>;

/// What somebody calls a coordinate reference system (`EPSG:4326`, WKT, PROJ), with the east first; null if it is none.
Crs crs_from(const std::string& text);

}  // namespace coremachine::builtin
