#include "tools/datagen/random.h"

namespace tarn::datagen {
namespace {

// SplitMix64's finalizer: neighbouring inputs give unrelated seeds.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

Random::Random(uint64_t seed, Part part, uint64_t index)
    : engine_(Mix(Mix(Mix(seed) ^ static_cast<uint64_t>(part)) ^ index)) {}

uint64_t Random::Below(uint64_t bound) {
  // Lemire's multiply-and-shift; its bias of bound / 2^64 is of no account here.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(engine_()) * bound) >> 64);
}

int64_t Random::Between(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
}

}  // namespace tarn::datagen
