#include "common/ids/ids.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <absl/base/thread_annotations.h>
#include <absl/strings/escaping.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>
#include <openssl/rand.h>

namespace tarn {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void AppendHex(std::string& text, std::uint8_t byte) {
  text.push_back(kHexDigits[byte >> 4]);
  text.push_back(kHexDigits[byte & 15]);
}

// Milliseconds and the 12 bits after them, packed into 60 bits that only ascend. The 12 bits hold a
// counter (RFC 9562, 6.2, method 1) that starts in the lower half of its range at random, so that
// ids of two processes in one millisecond do not line up.
class AscendingTicks {
 public:
  std::uint64_t Next() {
    std::array<std::uint8_t, 2> random;
    FillRandom(random);
    const std::uint64_t start = ((random[0] << 8) | random[1]) & 0x7ff;
    const std::uint64_t now = static_cast<std::uint64_t>(absl::ToUnixMillis(absl::Now())) << 12;
    absl::MutexLock lock(&mutex_);
    // An overflowing counter carries into the milliseconds, which stay ahead of the clock until it
    // catches up.
    last_ = (now >> 12) > (last_ >> 12) ? now | start : last_ + 1;
    return last_;
  }

 private:
  absl::Mutex mutex_;
  std::uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

void FillRandom(std::span<std::uint8_t> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
    std::fputs("tarn: the operating system gives no random bytes\n", stderr);
    std::abort();
  }
}

std::string NewUuid() {
  static AscendingTicks* const ticks = new AscendingTicks;
  const std::uint64_t tick = ticks->Next();
  std::array<std::uint8_t, 16> bytes;
  FillRandom(std::span(bytes).subspan(8));
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(tick >> (52 - 8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70 | ((tick >> 8) & 0x0f));  // version 7
  bytes[7] = static_cast<std::uint8_t>(tick);
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));  // RFC variant
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    AppendHex(text, bytes[i]);
  }
  return text;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
      return false;
    }
  }
  return true;
}

std::string NewShortId() {
  std::array<std::uint8_t, 4> bytes;
  FillRandom(bytes);
  std::string text;
  for (std::uint8_t byte : bytes) AppendHex(text, byte);
  return text;
}

std::string NewSecret(std::size_t bytes) {
  std::vector<std::uint8_t> random(bytes);
  FillRandom(random);
  return absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(random.data()), random.size()));
}

}  // namespace tarn
