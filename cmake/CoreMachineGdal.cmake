# GDAL, which is optional: its headers to build with, and the name of the library to be loaded at run time. Sets
# COREMACHINE_HAS_GDAL. `./dev build` puts the headers below build/gdal where a package of them cannot be installed.
set(COREMACHINE_GDAL auto CACHE STRING "Build stage_raster and GDAL's file systems: auto (where GDAL is), on or off")
set_property(CACHE COREMACHINE_GDAL PROPERTY STRINGS auto on off)
string(TOLOWER "${COREMACHINE_GDAL}" gdal_wanted)
set(COREMACHINE_HAS_GDAL FALSE)
if(NOT gdal_wanted STREQUAL "off")
  find_path(COREMACHINE_GDAL_INCLUDE_DIR gdal.h PATH_SUFFIXES gdal
            HINTS ${PROJECT_SOURCE_DIR}/build/gdal/usr/include ${GDAL_INCLUDE_DIR})
  # The library by the name that it is loaded by: a package for running GDAL has no libgdal.so.
  find_library(COREMACHINE_GDAL_LIBRARY NAMES gdal libgdal.so.39 libgdal.so.38 libgdal.so.37 libgdal.so.36 libgdal.so.35
               libgdal.so.34 libgdal.so.33 libgdal.so.32 libgdal.so.31 libgdal.so.30)
  if(COREMACHINE_GDAL_INCLUDE_DIR AND COREMACHINE_GDAL_LIBRARY)
    file(REAL_PATH ${COREMACHINE_GDAL_LIBRARY} gdal_file)
    cmake_path(GET gdal_file FILENAME gdal_name)
    if(gdal_name MATCHES "^libgdal\\.so\\.([0-9]+)")
      set(COREMACHINE_GDAL_SONAME ${CMAKE_MATCH_0})
      set(COREMACHINE_GDAL_PACKAGE libgdal${CMAKE_MATCH_1})
      set(COREMACHINE_HAS_GDAL TRUE)
    endif()
  endif()
  if(NOT COREMACHINE_HAS_GDAL AND gdal_wanted STREQUAL "on")
    message(FATAL_ERROR "COREMACHINE_GDAL is on, and GDAL is not there: gdal.h (${COREMACHINE_GDAL_INCLUDE_DIR}) and "
                        "libgdal.so (${COREMACHINE_GDAL_LIBRARY}) are needed; ./dev build gets both on Debian and Ubuntu")
  endif()
  if(NOT COREMACHINE_HAS_GDAL)
    # So that the next configuration finds what was installed meanwhile.
    unset(COREMACHINE_GDAL_INCLUDE_DIR CACHE)
    unset(COREMACHINE_GDAL_LIBRARY CACHE)
  endif()
endif()
