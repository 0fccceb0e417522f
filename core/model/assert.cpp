#include <cstdio>
#include <cstdlib>

#include <boost/assert.hpp>

#include <coremachine/export.hpp>

// What a failed BOOST_ASSERT does, in the library and in every object that was compiled with
// BOOST_ENABLE_ASSERT_HANDLER: a broken promise inside the engine must not go on to write to the store.

namespace boost {

COREMACHINE_API void assertion_failed_msg(const char* expression, const char* message, const char* function,
                                          const char* file, long line) {
  std::fprintf(stderr, "%s:%ld: assertion failed: %s%s%s%s\n  in %s\n", file, line, expression, message ? " (" : "",
               message ? message : "", message ? ")" : "", function);
  std::fflush(stderr);
  std::abort();
}

COREMACHINE_API void assertion_failed(const char* expression, const char* function, const char* file, long line) {
  assertion_failed_msg(expression, nullptr, function, file, line);
}

}  // namespace boost
