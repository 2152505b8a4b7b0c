#include "common/lake/hive_partition.h"

#include <algorithm>
#include <cstdint>

namespace tarn::lake {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '~';
}

void AppendEncoded(char c, std::string& out) {
  out += '%';
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

// File systems allow 255 bytes.
constexpr size_t kMaxSegmentBytes = 200;

// FNV-1a: names of folders must be the same in every release.
uint64_t Checksum(std::string_view text) {
  uint64_t sum = 14'695'981'039'346'656'037U;
  for (const char c : text) sum = (sum ^ static_cast<uint8_t>(c)) * 1'099'511'628'211U;
  return sum;
}

// Cuts an encoded segment between two characters.
void Shorten(std::string& segment) {
  std::string end = "~";
  for (uint64_t rest = Checksum(segment), i = 0; i < 16; ++i, rest <<= 4) {
    end += kHex[rest >> 60];
  }
  size_t size = kMaxSegmentBytes - end.size();
  if (segment[size - 1] == '%') size -= 1;
  if (segment[size - 2] == '%') size -= 2;
  segment.replace(size, std::string::npos, end);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string EncodeSegment(std::string_view text) {
  const bool dots = text == "." || text == "..";
  std::string out;
  for (char c : text) {
    if (IsPlain(c) && !dots) {
      out += c;
    } else {
      AppendEncoded(c, out);
    }
  }
  return out;
}

std::string DecodeSegment(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string PartitionSegment(const PartitionValue& partition) {
  std::string out = EncodeSegment(partition.name) + "=";
  if (!partition.value) {
    out += kNullPartition;
  } else if (*partition.value == kNullPartition) {
    AppendEncoded(kNullPartition[0], out);
    out += kNullPartition.substr(1);
  } else {
    out += EncodeSegment(*partition.value);
  }
  if (out.size() > kMaxSegmentBytes) Shorten(out);
  return out;
}

std::string PartitionPath(const std::vector<PartitionValue>& partitions) {
  std::string out;
  for (const PartitionValue& partition : partitions) {
    if (!out.empty()) out += '/';
    out += PartitionSegment(partition);
  }
  return out;
}

std::optional<PartitionValue> ParsePartitionSegment(std::string_view segment) {
  const size_t equals = segment.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  PartitionValue partition{DecodeSegment(segment.substr(0, equals)), std::nullopt};
  const std::string_view value = segment.substr(equals + 1);
  if (value != kNullPartition) partition.value = DecodeSegment(value);
  return partition;
}

std::vector<PartitionValue> ParsePartitionPath(std::string_view file_path) {
  std::vector<PartitionValue> partitions;
  size_t slash = file_path.find('/');
  while (slash != std::string_view::npos) {
    if (auto partition = ParsePartitionSegment(file_path.substr(0, slash))) {
      std::erase_if(partitions, [&](const auto& p) { return p.name == partition->name; });
      partitions.push_back(*std::move(partition));
    }
    file_path.remove_prefix(slash + 1);
    slash = file_path.find('/');
  }
  return partitions;
}

}  // namespace tarn::lake
