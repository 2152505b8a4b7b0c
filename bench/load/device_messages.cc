#include "bench/load/device_messages.h"

#include <random>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

namespace tarn::bench {
namespace {

constexpr std::string_view kSentTime = "\"sent_ms\":";
constexpr size_t kDigits = 13;

}  // namespace

std::vector<MessageBatch> MakeBatches(size_t batches, int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<MessageBatch> made(batches);
  int64_t serial = 100'000'000;  // of nine digits, the first no zero: JSON allows none
  for (MessageBatch& batch : made) {
    batch.count = count;
    batch.lines.reserve(static_cast<size_t>(count) * 280);
    for (int64_t i = 0; i < count; ++i, ++serial) {
      const auto device = static_cast<int>(unit(random) * 1000);
      absl::StrAppendFormat(
          &batch.lines,
          "{\"data\":{\"co\":%.17f,\"humidity\":%.14f,\"light\":%s,\"lpg\":%.17f,\"motion\":%s,"
          "\"smoke\":%.17f,\"temp\":%.1f},\"device_id\":\"5e:44:3b:%02x:%02x:c8\","
          "\"ts\":15945987%02d.%06d,\"device\":\"iot-device-%03d\",\"serial\":%d,"
          "\"sent_ms\":1%012d}\n",
          unit(random) / 100, 40 + 40 * unit(random), unit(random) < 0.5 ? "true" : "false",
          unit(random) / 100, unit(random) < 0.1 ? "true" : "false", unit(random) / 50,
          15 + 15 * unit(random), device / 256, device % 256, static_cast<int>(serial % 100),
          static_cast<int>(unit(random) * 1e6), device, serial, 1);
    }
  }
  return made;
}

void SetSentTime(MessageBatch& batch, int64_t epoch_ms) {
  const std::string digits = absl::StrFormat("%013d", epoch_ms);
  for (size_t at = batch.lines.find(kSentTime); at != std::string::npos;
       at = batch.lines.find(kSentTime, at + kSentTime.size() + kDigits)) {
    batch.lines.replace(at + kSentTime.size(), kDigits, digits);
  }
}

}  // namespace tarn::bench
