// Random numbers that are the same on every machine: the engine is std::mt19937_64, whose output
// the standard fixes, and the distributions are written here, because the standard leaves the
// bytes of its own open.
//
// Each part of the data draws from a stream of its own (seed, part, index), so that parts can be
// made in any order and by any number of threads. One Random belongs to one thread.
#pragma once

#include <cstdint>
#include <random>

namespace tarn::datagen {

class Random {
 public:
  // The part of the data that a stream makes; the values are part of what a seed means.
  enum class Part : uint64_t {
    kHomes = 1,
    kLocations = 2,
    kUsage = 3,
    kMessages = 4,
    kSmallMessages = 5,
  };

  Random(uint64_t seed, Part part, uint64_t index);

  uint64_t Next() { return engine_(); }
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [low, high]; low <= high.
  int64_t Between(int64_t low, int64_t high);
  // True in `per_mille` of 1,000 cases.
  bool Chance(uint64_t per_mille) { return Below(1000) < per_mille; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tarn::datagen
