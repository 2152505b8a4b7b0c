#include "services/dashboard/http/web_files.h"

#include <fstream>
#include <iterator>
#include <zlib.h>

#include <absl/strings/escaping.h>

#include "services/dashboard/identity/key_secret.h"

#ifndef TARN_DASHBOARD_WEB_DIST
#error "TARN_DASHBOARD_WEB_DIST is the folder that the page is built into"
#endif

namespace tarn::dashboard {
namespace {

namespace fs = std::filesystem;

constexpr char kIndex[] = "index.html";
constexpr size_t kMinCompressed = 1024;
constexpr size_t kMaxCachedFiles = 500;

// Nothing is loaded from another host, and nobody frames the page.
constexpr char kPolicy[] =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

struct ContentType {
  const char* extension;
  const char* type;
  bool text;
};

constexpr ContentType kTypes[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".map", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".svg", "image/svg+xml", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".ico", "image/x-icon", false},
    {".woff2", "font/woff2", false},
    {".wasm", "application/wasm", false},
};

ContentType TypeOf(const fs::path& path) {
  for (const ContentType& type : kTypes) {
    if (path.extension() == type.extension) return type;
  }
  return {"", "application/octet-stream", false};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The path below the folder, or "" when it leaves it or is no path.
std::string RelativePath(const std::string& path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    if (i + 2 >= path.size() || HexDigit(path[i + 1]) < 0 || HexDigit(path[i + 2]) < 0) return "";
    decoded += static_cast<char>(HexDigit(path[i + 1]) * 16 + HexDigit(path[i + 2]));
    i += 2;
  }
  if (decoded.empty() || decoded[0] != '/' || decoded.find('\0') != std::string::npos) return "";
  if (decoded == "/") return kIndex;
  fs::path relative = fs::path(decoded.substr(1));
  if (relative.is_absolute()) return "";
  for (const fs::path& part : relative) {
    if (part == ".." || part == "." || part.string().starts_with('.')) return "";
  }
  return relative.string();
}

std::string Gzip(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return "";
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return whole && out.size() < text.size() ? out : "";
}

HttpResponse Text(int status, std::string text) {
  return {status,
          {{"content-type", "text/plain; charset=utf-8"}, {"x-content-type-options", "nosniff"}},
          std::move(text)};
}

}  // namespace

std::shared_ptr<const WebFiles::File> WebFiles::Load(const std::string& relative) {
  const fs::path path = folder_ / relative;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return nullptr;
  const fs::file_time_type changed = fs::last_write_time(path, error);
  std::lock_guard lock(mutex_);
  if (auto it = files_.find(relative); it != files_.end() && it->second->changed == changed) {
    return it->second;
  }
  std::ifstream stream(path, std::ios::binary);
  auto file = std::make_shared<File>();
  file->changed = changed;
  file->content.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  if (!stream.is_open() || stream.bad()) return nullptr;
  file->etag = "\"" + absl::BytesToHexString(HashSecret(file->content).substr(0, 12)) + "\"";
  if (TypeOf(path).text && file->content.size() >= kMinCompressed) {
    file->compressed = Gzip(file->content);
  }
  if (files_.size() >= kMaxCachedFiles) files_.clear();
  files_[relative] = file;
  return file;
}

HttpResponse WebFiles::Serve(const HttpRequest& request) {
  std::string relative = RelativePath(request.path);
  std::shared_ptr<const File> file = relative.empty() ? nullptr : Load(relative);
  if (file == nullptr) {
    if (relative.empty() || (relative != kIndex && fs::path(relative).has_extension())) {
      return Text(404, "there is no such file\n");
    }
    relative = kIndex;
    file = Load(relative);
  }
  if (file == nullptr) {
    return Text(503,
                "the page has not been built: run './dev build', or set dashboard.web_path "
                "to the folder of a built page (now " +
                    folder_.string() + ")\n");
  }
  // Vite puts a hash into the names of what is in assets/.
  const bool immutable = relative.starts_with("assets/");
  HttpResponse response;
  response.headers = {
      {"content-type", TypeOf(relative).type},
      {"etag", file->etag},
      {"cache-control", immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"content-security-policy", kPolicy},
      {"x-content-type-options", "nosniff"},
      {"referrer-policy", "same-origin"},
      {"vary", "accept-encoding"}};
  if (request.Header("if-none-match").find(file->etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  if (!file->compressed.empty() &&
      request.Header("accept-encoding").find("gzip") != std::string_view::npos) {
    response.headers.emplace_back("content-encoding", "gzip");
    response.body = file->compressed;
  } else {
    response.body = file->content;
  }
  return response;
}

fs::path DefaultWebPath() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path().parent_path() / "share" / "tarn" / "web";
  if (!error && fs::exists(installed / "index.html", error)) return installed;
  return TARN_DASHBOARD_WEB_DIST;
}

}  // namespace tarn::dashboard
