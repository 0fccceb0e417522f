#pragma once

// All of the library CoreMachine::redis.
#include <coremachine/queue/redis_address.hpp>
#include <coremachine/queue/redis_queue.hpp>
