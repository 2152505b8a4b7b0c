#include "common/http/content_decoder.h"

#include <algorithm>
#include <memory>
#include <zlib.h>
#include <zstd.h>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn {
namespace {

// A first guess and what is added at a time: memory follows what really comes out.
constexpr size_t kStepBytes = 256 * 1024;
// 8 MiB, what every zstd decoder is asked to take.
constexpr int kMaxZstdWindowLog = 23;
// 15 bits of window, and gzip's frame instead of zlib's.
constexpr int kGzipWindowBits = 15 + 16;

absl::Status TooLarge(size_t max_bytes) {
  return InvalidArgument("REQUEST_TOO_LARGE",
                         absl::StrCat("the body has more than ", max_bytes,
                                      " bytes once it is decompressed. Send several requests"));
}

absl::Status NotEncoded(std::string_view encoding, std::string_view why) {
  return InvalidArgument("ENCODING_INVALID",
                         absl::StrCat("the body is not sound ", std::string(encoding), ": ",
                                      std::string(why), "; send it as its Content-Encoding says"));
}

// Room for more output; an error when `max_bytes` are full. One byte above the bound is offered so
// that an output of exactly that size can be told from a larger one.
absl::Status MakeRoom(std::string& out, size_t used, size_t max_bytes) {
  if (used > max_bytes) return TooLarge(max_bytes);
  if (used == out.size()) {
    out.resize(std::min(max_bytes + 1, std::max(out.size() * 2, kStepBytes)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Gunzip(std::string_view body, size_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) {
    return Internal("DECODER_FAILED", "the gzip decoder could not be set up");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  size_t used = 0;
  while (true) {
    TARN_RETURN_IF_ERROR(MakeRoom(out, used, max_bytes));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    const int result = inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return NotEncoded("gzip", "it cannot be gone on with");
    } else if (result == Z_BUF_ERROR ||
               (result == Z_OK && stream.avail_in == 0 && stream.avail_out != 0)) {
      return NotEncoded("gzip", "it ends too soon");
    } else if (result != Z_OK) {
      return NotEncoded("gzip", stream.msg != nullptr ? stream.msg : "it is damaged");
    }
  }
  if (used > max_bytes) return TooLarge(max_bytes);
  out.erase(used);
  return out;
}

absl::StatusOr<std::string> Unzstd(std::string_view body, size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   ZSTD_freeDCtx);
  if (context == nullptr ||
      ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog))) {
    return Internal("DECODER_FAILED", "the zstd decoder could not be set up");
  }
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  std::string out;
  size_t used = 0;
  size_t wanted = 1;  // 0 at the end of a frame
  while (in.pos < in.size || wanted != 0) {
    TARN_RETURN_IF_ERROR(MakeRoom(out, used, max_bytes));
    ZSTD_outBuffer piece{out.data(), out.size(), used};
    const size_t in_before = in.pos;
    wanted = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(wanted)) return NotEncoded("zstd", ZSTD_getErrorName(wanted));
    const bool stuck = piece.pos == used && in.pos == in_before;
    used = piece.pos;
    if (wanted != 0 && in.pos == in.size && (stuck || used < out.size())) {
      return NotEncoded("zstd", "it ends too soon");
    }
  }
  if (used > max_bytes) return TooLarge(max_bytes);
  out.erase(used);
  return out;
}

}  // namespace

absl::StatusOr<std::string> DecodeContent(std::string_view encoding, std::string body,
                                          size_t max_bytes) {
  std::string name(encoding);
  absl::StripAsciiWhitespace(&name);
  absl::AsciiStrToLower(&name);
  if (name == "gzip" || name == "x-gzip") return Gunzip(body, max_bytes);
  if (name == "zstd") return Unzstd(body, max_bytes);
  if (!name.empty() && name != "identity") {
    return InvalidArgument(
        "ENCODING_UNKNOWN",
        absl::StrCat("Content-Encoding \"", name, "\" is not known; send gzip, zstd or identity"));
  }
  if (body.size() > max_bytes) return TooLarge(max_bytes);
  return body;
}

}  // namespace tarn
