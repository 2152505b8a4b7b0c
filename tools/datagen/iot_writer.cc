#include "tools/datagen/iot_writer.h"

#include <algorithm>
#include <array>
#include <string>

#include <absl/strings/str_cat.h>

#include "common/status/status_macros.h"
#include "tools/datagen/files.h"
#include "tools/datagen/random.h"
#include "tools/datagen/units.h"

namespace tarn::datagen {
namespace {

// Gas readings are drawn as integers of 1e-16, so that a division makes the double that is sent,
// the same on every machine; readings are rounded to 1e-4 by those who use them.
constexpr int64_t kGasPerUnit = 10'000'000'000'000'000;
constexpr int64_t kGasPerRounded = 1'000'000'000'000;
constexpr int64_t kNearTie = 1'000'000'000;

constexpr int64_t kFirstTick = 15'945'987'357'727'768;  // 100 ns, 2020-07-13T00:05:35.7727768Z
constexpr int kSmallMessages = 5;

struct Device {
  const char* name;
  const char* address;
  int64_t share_per_mille;
  int64_t co_low, co_high;          // 1e-16
  int co_levels;                    // so many different readings
  int usual_level;                  // it drifts about this one
  int temp_low, temp_high;          // tenths
  int humidity_low, humidity_high;  // tenths
  bool single_precision;            // sends 18.899999618530273 for 18.9
  uint64_t light_per_mille, motion_per_mille;
};

constexpr std::array<Device, 3> kDevices = {{
    {"iot-device-01", "0e:9c:00:4c:1c:51", 271, 34'653'518'694'785, 119'252'872'873'821, 160, 22,
     180, 198, 700, 781, true, 4, 0},
    {"iot-device-02", "5e:44:3b:f3:79:c8", 261, 40'093'051'625'003, 49'607'567'666'749, 224, 100,
     250, 271, 525, 659, true, 1000, 2},
    {"iot-device-03", "f3:6b:f4:34:c0:17", 468, 50'236'524'903'982, 56'578'109'214'452, 678, 330,
     213, 228, 476, 529, false, 6, 2},
}};

struct Message {
  const Device* device;
  double co, lpg, smoke, humidity, temp, ts;
  bool light, motion;
};

double Gas(int64_t value) {
  // A float-noise tie would round differently in different programs.
  const int64_t from_tie = value % kGasPerRounded - kGasPerRounded / 2;
  if (from_tie > -kNearTie && from_tie < kNearTie) value += 2 * kNearTie;
  return static_cast<double>(value) / static_cast<double>(kGasPerUnit);
}

double Tenths(int64_t tenths, bool single_precision) {
  const double value = static_cast<double>(tenths) / 10;
  return single_precision ? static_cast<double>(static_cast<float>(value)) : value;
}

// Draws messages in the order of their time.
class MessageSource {
 public:
  explicit MessageSource(Random random) : random_(random) {
    for (size_t i = 0; i < kDevices.size(); ++i) level_[i] = kDevices[i].usual_level;
    level_[0] = kDevices[0].co_levels - 1;  // a gas alarm, which dies away
  }

  Message Next() {
    const size_t which = Which();
    const Device& device = kDevices[which];
    int64_t& level = level_[which];
    const int64_t co =
        device.co_low + (device.co_high - device.co_low) * level / (device.co_levels - 1);
    Message message{};
    message.device = &device;
    message.co = Gas(co);
    message.lpg = Gas(27'200'000'000'000 + co * 983 / 1000);
    message.smoke = Gas(60'770'000'000'000 + co * 2865 / 1000);
    message.humidity =
        Tenths(random_.Between(device.humidity_low, device.humidity_high), device.single_precision);
    message.temp =
        Tenths(random_.Between(device.temp_low, device.temp_high), device.single_precision);
    message.light = random_.Chance(device.light_per_mille);
    message.motion = random_.Chance(device.motion_per_mille);
    message.ts = static_cast<double>(tick_) / 1e7;
    tick_ += random_.Between(1'000'000, 171'800'000);  // 8.64 seconds in the mean

    const int64_t drift = (device.usual_level - level) / 40;
    level = std::clamp<int64_t>(level + drift + random_.Between(-6, 6), 0, device.co_levels - 1);
    return message;
  }

 private:
  size_t Which() {
    // The first three messages are of the three devices, as in the real file.
    static constexpr std::array<size_t, 3> kFirst = {0, 1, 2};
    if (count_ < kFirst.size()) return kFirst[count_++];
    int64_t at = random_.Between(0, 999);
    for (size_t i = 0; i + 1 < kDevices.size(); ++i) {
      if (at < kDevices[i].share_per_mille) return i;
      at -= kDevices[i].share_per_mille;
    }
    return kDevices.size() - 1;
  }

  Random random_;
  size_t count_ = 0;
  int64_t tick_ = kFirstTick;
  std::array<int64_t, kDevices.size()> level_{};
};

// 27 -> "27.0", as the large file has it; the small one has "27".
std::string WithPoint(double value) {
  std::string text = DoubleText(value);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

const char* Bool(bool value) { return value ? "true" : "false"; }

std::string LargeText(const Message& m) {
  return absl::StrCat(R"({"data":{"co":)", WithPoint(m.co), R"(,"humidity":)",
                      WithPoint(m.humidity), R"(,"light":)", Bool(m.light), R"(,"lpg":)",
                      WithPoint(m.lpg), R"(,"motion":)", Bool(m.motion), R"(,"smoke":)",
                      WithPoint(m.smoke), R"(,"temp":)", WithPoint(m.temp), R"(},"device_id":")",
                      m.device->address, R"(","ts":)", WithPoint(m.ts), R"(,"device":")",
                      m.device->name, R"("})");
}

std::string SmallText(const Message& m) {
  return absl::StrCat(
      "  {\n    \"data\": {\n      \"co\": ", DoubleText(m.co),
      ",\n      \"humidity\": ", DoubleText(m.humidity), ",\n      \"light\": ", Bool(m.light),
      ",\n      \"lpg\": ", DoubleText(m.lpg), ",\n      \"motion\": ", Bool(m.motion),
      ",\n      \"smoke\": ", DoubleText(m.smoke), ",\n      \"temp\": ", DoubleText(m.temp),
      "\n    },\n    \"device_id\": \"", m.device->address, "\",\n    \"ts\": ", DoubleText(m.ts),
      ",\n    \"device\": \"", m.device->name, "\"\n  }");
}

}  // namespace

absl::StatusOr<IotAnswers> WriteIot(const std::filesystem::path& dir, int64_t messages,
                                    uint64_t seed) {
  TARN_RETURN_IF_ERROR(MakeFolder(dir));
  IotAnswers answers;
  FileWriter large(dir / "raw_data_large.json");
  MessageSource source(Random(seed, Random::Part::kMessages, 0));
  for (int64_t i = 0; i < messages; ++i) {
    const Message m = source.Next();
    answers.Add(m.device->name, m.temp, m.humidity, m.co, m.lpg, m.smoke);
    large.Append(i == 0 ? "[" : ",");
    large.Append(LargeText(m));
  }
  large.Append(messages == 0 ? "[]" : "]");
  TARN_RETURN_IF_ERROR(large.Close());

  std::string small = "[\n";
  MessageSource small_source(Random(seed, Random::Part::kSmallMessages, 0));
  for (int i = 0; i < kSmallMessages; ++i) {
    small += SmallText(small_source.Next());
    small += i + 1 < kSmallMessages ? ",\n" : "\n";
  }
  small += "]\n";
  TARN_RETURN_IF_ERROR(WriteFile(dir / "raw_data_small.json", small));
  answers.small_messages = kSmallMessages;
  return answers;
}

}  // namespace tarn::datagen
