# cmake -D SOURCE=web -D OUTPUT=pages.cpp -D SCRATCH=folder -P EmbedPages.cmake
#
# Writes a C++ source with the files of the dashboard in it, each as it is and compressed. Their addresses have a hash of
# all of them, so that a browser may keep them for ever: only the page itself is asked for again. The page names all
# modules, so that a browser fetches them at once and not one after the other.
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

# The page, with the addresses of the others in it.
set(modules "")
foreach(file IN LISTS files)
  if(file MATCHES "\\.js$" AND NOT file STREQUAL "main.js")
    string(APPEND modules "<link rel=\"modulepreload\" href=\"assets/${version}/${file}\">\n")
  endif()
endforeach()
file(READ ${SOURCE}/index.html page)
string(REPLACE "@MODULES@\n" "${modules}" page "${page}")
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
  if(file STREQUAL "index.html")
    set(place ${SCRATCH}/index.html)
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
