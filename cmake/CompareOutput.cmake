# cmake -D PROGRAM=… -D EXPECTED=… -D FOLDER=… -P CompareOutput.cmake
# Runs PROGRAM in FOLDER, which is emptied first, and compares what it prints with the file EXPECTED.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE status
                OUTPUT_FILE ${FOLDER}/stdout ERROR_VARIABLE complaints)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${status}\n${complaints}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files --ignore-eol ${FOLDER}/stdout ${EXPECTED}
                RESULT_VARIABLE different ERROR_QUIET)
if(different)
  execute_process(COMMAND diff -u ${EXPECTED} ${FOLDER}/stdout)
  message(FATAL_ERROR "${PROGRAM} does not print ${EXPECTED}\n${complaints}")
endif()
