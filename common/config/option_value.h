// The types that an option can have, and their text forms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::config {

// A number of bytes: "64MiB", "1GB", "512kB", "4096". Never negative.
struct ByteSize {
  std::int64_t bytes = 0;

  friend bool operator==(ByteSize, ByteSize) = default;
  friend auto operator<=>(ByteSize, ByteSize) = default;
};

// Where an option's value is kept: memory of its module's options struct.
//   std::string               any text
//   std::int64_t, double      "12", "0.5"
//   bool                      true false yes no on off 1 0
//   absl::Duration            "250ms", "5s", "1h30m", "7d"
//   std::vector<std::string>  "a,b,c"; a list in YAML; a flag given again appends
using Target = std::variant<std::string*, std::int64_t*, double*, bool*, absl::Duration*, ByteSize*,
                            std::vector<std::string>*>;

// Parses `text` into the target. The error's message says what a good value looks like, and does
// not repeat the text.
absl::Status ParseInto(Target target, std::string_view text);

// The present value as ParseInto would read it.
std::string FormatTarget(Target target);

// "duration", "size", …: what stands for the value in the help text.
std::string_view TypeName(Target target);

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);
absl::StatusOr<ByteSize> ParseByteSize(std::string_view text);
std::string FormatByteSize(ByteSize size);

}  // namespace tarn::config
