# A linker drops the object files of a static library that nobody refers to, and with them registrations that run
# before main. This keeps them in every program or library that links the given static library.
function(coremachine_keep_registrations target)
  target_link_options(${target} INTERFACE
    "LINKER:--whole-archive,$<TARGET_FILE:${target}>,--no-whole-archive")
endfunction()
