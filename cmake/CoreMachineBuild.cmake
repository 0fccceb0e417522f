# How every target of this project is compiled.

add_library(coremachine_options INTERFACE)
target_compile_features(coremachine_options INTERFACE cxx_std_20)
target_compile_options(coremachine_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Werror>
  -fno-semantic-interposition)
# g++ 12 sees overflows in its own std::string and std::vector, and wrong deletes in coroutines, when it optimises;
# later ones do not.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(coremachine_options INTERFACE -Wno-stringop-overflow -Wno-array-bounds
    -Wno-restrict -Wno-mismatched-new-delete)
endif()
# Assertions stay on in every build. Asio keeps its defaults: its switches change what its functions do, and they are
# shared with the programs that use the library, whose coroutine tasks run on the library's executors.
target_compile_definitions(coremachine_options INTERFACE BOOST_ENABLE_ASSERT_HANDLER BOOST_ASIO_SEPARATE_COMPILATION)

if(COREMACHINE_SANITIZE)
  target_compile_options(coremachine_options INTERFACE
    -fsanitize=${COREMACHINE_SANITIZE} -fno-omit-frame-pointer -g -fno-sanitize-recover=all)
  target_link_options(coremachine_options INTERFACE -fsanitize=${COREMACHINE_SANITIZE})
  if(COREMACHINE_SANITIZE MATCHES "thread")
    # Asio has a fence that the sanitizer does not see; it warns of each.
    target_compile_options(coremachine_options INTERFACE -Wno-tsan)
  endif()
endif()

find_program(COREMACHINE_CCACHE ccache)
if(COREMACHINE_CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${COREMACHINE_CCACHE})
endif()

include(CoreMachineKeepRegistrations)
include(CoreMachineAddModule)
