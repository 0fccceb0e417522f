// The entry of every doctest program here. `--help` shows what doctest understands.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
