# Whether the store in PostgreSQL is built: sets COREMACHINE_WITH_POSTGRES.
set(COREMACHINE_WITH_POSTGRES OFF)
string(TOLOWER "${COREMACHINE_POSTGRES}" wanted)
if(NOT wanted STREQUAL "auto" AND NOT wanted)
  return()
endif()
find_package(PostgreSQL 14 QUIET)  # the first libpq that has pipelines
if(PostgreSQL_FOUND)
  set(COREMACHINE_WITH_POSTGRES ON)
elseif(wanted STREQUAL "auto")
  message(STATUS "libpq 14 or newer (Debian: libpq-dev) is not there: the store in PostgreSQL is not built")
else()
  message(FATAL_ERROR "COREMACHINE_POSTGRES is ${COREMACHINE_POSTGRES}, and libpq 14 or newer (Debian: libpq-dev) is not there")
endif()
