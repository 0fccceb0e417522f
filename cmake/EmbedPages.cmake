# cmake -D SOURCE=web -D OUTPUT=pages.cpp -D SCRATCH=folder -P EmbedPages.cmake
#
# Writes a C++ source with the files of the dashboard in it, each as it is and compressed. Its modules become one script:
# thirty requests take a browser longer than all else that a page does. The addresses have a hash of all files in them, so
# that a browser may keep those for ever: only the page itself is asked for again.
cmake_minimum_required(VERSION 3.24)

file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/*.js ${SOURCE}/*.css ${SOURCE}/*.svg ${SOURCE}/*.html)
list(SORT files)
set(hashes "")
foreach(file IN LISTS files)
  file(SHA256 ${SOURCE}/${file} hash)
  string(APPEND hashes "${file} ${hash}\n")
endforeach()
string(SHA256 version "${hashes}")
string(SUBSTRING ${version} 0 16 version)

# Adds a module to the property `script`, after those that it imports. Each is a function that returns what it exports.
function(add_module path)
  get_property(begun GLOBAL PROPERTY begun)
  get_property(done GLOBAL PROPERTY done)
  if(path IN_LIST done)
    return()
  elseif(path IN_LIST begun)
    message(FATAL_ERROR "web/${path} imports itself, by way of others: ${begun}")
  endif()
  set_property(GLOBAL APPEND PROPERTY begun ${path})
  file(READ ${SOURCE}/${path} text)
  string(PREPEND text "\n")
  cmake_path(GET path PARENT_PATH folder)
  while(text MATCHES "\nimport ({[^}]*}|\\* as [a-z_]+) from '([^']*)'")
    set(line "${CMAKE_MATCH_0}")
    set(names "${CMAKE_MATCH_1}")
    cmake_path(APPEND folder "${CMAKE_MATCH_2}" OUTPUT_VARIABLE imported)
    cmake_path(NORMAL_PATH imported)
    string(REPLACE "* as " "" names "${names}")
    string(REPLACE " as " ": " names "${names}")
    add_module(${imported})
    string(MAKE_C_IDENTIFIER ${imported} module)
    string(REPLACE "${line}" "\nconst ${names} = ${module}" text "${text}")
  endwhile()
  string(REGEX MATCHALL "\nexport (async function|function|class|const) [A-Za-z0-9_]+" exports "${text}")
  list(TRANSFORM exports REPLACE ".* " "")
  list(JOIN exports ", " exports)
  string(REGEX REPLACE "\nexport " "\n" text "${text}")
  if(text MATCHES "\n(import|export) [^\n]*")
    message(FATAL_ERROR "web/${path} has a line that this cannot translate:${CMAKE_MATCH_0}")
  endif()
  string(MAKE_C_IDENTIFIER ${path} module)
  set_property(GLOBAL APPEND_STRING PROPERTY script "// ${path}\nconst ${module} = (() => {${text}return {${exports}};\n})();\n")
  set_property(GLOBAL APPEND PROPERTY done ${path})
endfunction()

add_module(main.js)
get_property(script GLOBAL PROPERTY script)
file(WRITE ${SCRATCH}/main.js "${script}")
get_property(used GLOBAL PROPERTY done)
foreach(file IN LISTS files)
  if(file MATCHES "\\.js$" AND NOT file IN_LIST used)
    message(FATAL_ERROR "web/${file} is imported by no other module")
  endif()
endforeach()
list(FILTER files EXCLUDE REGEX "\\.js$")
list(APPEND files main.js)

# The page, with the addresses of the others in it.
file(READ ${SOURCE}/index.html page)
string(REPLACE "@ASSETS@" "assets/${version}" page "${page}")
file(WRITE ${SCRATCH}/index.html "${page}")

set(media_type_html "text/html; charset=utf-8")
set(media_type_js "text/javascript; charset=utf-8")
set(media_type_css "text/css; charset=utf-8")
set(media_type_svg "image/svg+xml")

# Adds an array of the bytes to `arrays`.
function(add_array name bytes)
  string(REGEX REPLACE "(................................)" "\\1\n" lines "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," numbers "${lines}")
  set(arrays "${arrays}constexpr unsigned char ${name}[] = {${numbers}};\n" PARENT_SCOPE)
endfunction()

set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  set(place ${SOURCE}/${file})
  if(file STREQUAL "index.html" OR file STREQUAL "main.js")
    set(place ${SCRATCH}/${file})
  endif()
  file(READ ${place} plain HEX)
  file(ARCHIVE_CREATE OUTPUT ${SCRATCH}/compressed PATHS ${place} FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
  file(READ ${SCRATCH}/compressed compressed HEX)
  # Without the time at which it was made, so that the same sources are the same program.
  string(SUBSTRING ${compressed} 0 8 head)
  string(SUBSTRING ${compressed} 16 -1 rest)
  set(compressed "${head}00000000${rest}")
  file(SHA256 ${place} hash)
  string(SUBSTRING ${hash} 0 32 hash)
  string(REGEX MATCH "[a-z]+$" ending ${file})
  set(path "/")
  if(NOT file STREQUAL "index.html")
    set(path "/assets/${version}/${file}")
  endif()
  math(EXPR number "${number} + 1")
  add_array(plain_${number} "${plain}")
  add_array(gzip_${number} "${compressed}")
  string(APPEND rows "      {\"${path}\", \"${media_type_${ending}}\", \"${hash}\", text(plain_${number}), text(gzip_${number})},\n")
endforeach()

set(source "// Made by cmake/EmbedPages.cmake out of web/.

#include \"triggers/http/pages/page_files.hpp\"

namespace coremachine::http {
namespace {

${arrays}
template <std::size_t size>
std::string_view text(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

const std::vector<PageFile>& page_files() {
  static const auto* const all = new std::vector<PageFile>{
${rows}  };
  return *all;
}

}  // namespace coremachine::http
")
file(WRITE ${OUTPUT} "${source}")
