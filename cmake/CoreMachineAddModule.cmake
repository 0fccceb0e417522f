# coremachine_add_module(NAME SOURCE…): a module (coremachine/module/module.hpp), that is a shared library for the
# coremachine program to load. It does not link the engine: the program that loads it has one, and there must not be two.
function(coremachine_add_module target)
  add_library(${target} MODULE ${ARGN})
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_include_directories(${target} PRIVATE
    $<TARGET_PROPERTY:CoreMachine::coremachine,INTERFACE_INCLUDE_DIRECTORIES>)
  target_link_libraries(${target} PRIVATE Boost::headers Boost::json Threads::Threads)
endfunction()
