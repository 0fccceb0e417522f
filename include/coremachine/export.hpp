#pragma once

// Everything in the library is hidden unless it carries this mark.
#if defined(_WIN32)
#define COREMACHINE_API
#else
#define COREMACHINE_API __attribute__((visibility("default")))
#endif
