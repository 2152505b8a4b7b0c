#include "services/ingestion/device/device_csv.h"

namespace tarn::ingestion {

DeviceCsv::DeviceCsv(std::string_view text) : text_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

bool DeviceCsv::Next(std::vector<std::string>& fields) {
  while (error_.empty() && at_ < text_.size()) {
    fields.assign(1, "");
    row_line_ = next_line_;
    bool quoted = false;  // the present field began with a quote
    bool ended = false;
    while (!ended && at_ < text_.size()) {
      const char c = text_[at_++];
      std::string& field = fields.back();
      if (c == ',') {
        fields.emplace_back();
        quoted = false;
      } else if (c == '\n') {
        ++next_line_;
        ended = true;
      } else if (c == '\r' && (at_ == text_.size() || text_[at_] == '\n')) {
        continue;
      } else if (c == '"' && field.empty() && !quoted) {
        quoted = true;
        for (;;) {
          const size_t end = text_.find('"', at_);
          if (end == std::string_view::npos) {
            error_ = "a quoted value has no end";
            return false;
          }
          for (const char inner : text_.substr(at_, end - at_)) next_line_ += inner == '\n' ? 1 : 0;
          field.append(text_.substr(at_, end - at_));
          at_ = end + 1;
          if (at_ == text_.size() || text_[at_] != '"') break;
          field.push_back('"');
          ++at_;
        }
      } else if (quoted) {
        error_ = "something follows a closing quote; within quotes write \"\" for a quote";
        return false;
      } else {
        field.push_back(c);
      }
    }
    if (fields.size() > 1 || !fields[0].empty() || quoted) return true;
  }
  return false;
}

}  // namespace tarn::ingestion
