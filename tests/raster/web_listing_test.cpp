#include "handlers/gdal/web_listing.hpp"

#include <doctest/doctest.h>

using namespace coremachine::builtin;

TEST_SUITE("raster: web listings") {
  TEST_CASE("the names of a page, whichever server has made it, and nothing that leads elsewhere") {
    using Names = std::vector<std::string>;
    struct Row {
      const char* html;
      Names names;
    };
    const Row rows[] = {
        {"", {}},
        {R"(<li><a href="a.txt">a.txt</a></li><li><a href="sub/">sub/</a></li>)", {"a.txt", "sub/"}},
        {R"(<A HREF='./a%20b.txt'>a b</A> <a href="a%20b.txt">again</a>)", {"a b.txt"}},
        {R"(<a href="?C=N;O=D">Name</a><a href="/">Parent</a><a href="../">..</a><a href="http://x/y">x</a>)", {}},
        {R"(<a href="#top">top</a><a href="mailto:x">x</a><a href="a/b">deep</a><a href="..">up</a>)", {}},
        {R"(<a href="%2e%2e/">up</a><a href="%2Fetc">root</a><a href="a%2Fb">deep</a><a href="x%00">nul</a>)", {}},
        {R"(<a href="%C3%A4.txt">ä</a><a href="r&amp;d.txt">r&amp;d</a><a href="50%">50%</a>)",
         {"ä.txt", "r&d.txt", "50%"}},
        {R"(<a href=unquoted><a href=")", {}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.html);
      CHECK(names_in_web_listing(row.html) == row.names);
    }
  }
}
