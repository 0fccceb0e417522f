# What a package of CoreMachine holds: the public headers, the library, the program if it is built, and what CMake and
# pkg-config need to find them.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/CoreMachine)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/coremachine TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp")
install(TARGETS coremachine EXPORT CoreMachineTargets)
install(EXPORT CoreMachineTargets NAMESPACE CoreMachine:: DESTINATION ${package_dir})
# Components, so that who does not ask for one needs nothing of what it needs.
if(COREMACHINE_WITH_REDIS)
  install(TARGETS coremachine_redis EXPORT CoreMachineRedisTargets)
  install(EXPORT CoreMachineRedisTargets NAMESPACE CoreMachine:: DESTINATION ${package_dir})
endif()

# A component of its own: who does not ask for it needs no libpq.
if(COREMACHINE_WITH_POSTGRES)
  install(TARGETS coremachine_postgres EXPORT CoreMachinePostgresTargets)
  install(EXPORT CoreMachinePostgresTargets NAMESPACE CoreMachine:: DESTINATION ${package_dir})
endif()

if(COREMACHINE_BUILD_CLI)
  install(TARGETS coremachine_program)
endif()

get_target_property(library_type coremachine TYPE)
if(library_type STREQUAL STATIC_LIBRARY)
  set(COREMACHINE_STATIC TRUE)
else()
  set(COREMACHINE_STATIC FALSE)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/CoreMachineConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/CoreMachineConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/CoreMachineConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/package/CoreMachineConfig.cmake
  ${PROJECT_BINARY_DIR}/package/CoreMachineConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/CoreMachineKeepRegistrations.cmake
  ${PROJECT_SOURCE_DIR}/cmake/CoreMachineAddModule.cmake
  DESTINATION ${package_dir})

# pkg-config. Boost has no .pc files, so its folders are named here unless every compiler looks there anyway.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
set(pc_cflags "-I\${includedir}")
set(pc_libs "-L\${libdir} -lcoremachine")
get_target_property(boost_include Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
if(NOT boost_include IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
  string(APPEND pc_cflags " -I${boost_include}")
  string(APPEND pc_libs " -L$<TARGET_FILE_DIR:Boost::json>")
endif()
string(APPEND pc_libs " -lboost_json -pthread")
if(COREMACHINE_STATIC)
  string(APPEND pc_libs " -lsqlite3 -lssl -lcrypto")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/coremachine.pc.in ${PROJECT_BINARY_DIR}/package/coremachine.pc.gen @ONLY)
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/package/coremachine.pc
     INPUT ${PROJECT_BINARY_DIR}/package/coremachine.pc.gen)
install(FILES ${PROJECT_BINARY_DIR}/package/coremachine.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
