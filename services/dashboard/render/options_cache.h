// What filters offer, remembered for a short while: it does not depend on what is chosen, and a
// page that renders again with every choice would ask for it each time.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <absl/time/time.h>
#include <google/protobuf/struct.pb.h>

#include "services/dashboard/render/sql_text.h"

namespace tarn {
class Clock;
}
namespace tarn::rpc {
struct CallContext;
}

namespace tarn::dashboard {

// Thread safe. Remembers for each user apart, since what a user may see can differ.
class OptionsCache {
 public:
  using Rows = std::vector<google::protobuf::ListValue>;

  static constexpr absl::Duration kMaxAge = absl::Seconds(30);
  // Of at most as many rows as a filter may offer.
  static constexpr size_t kMaxEntries = 200;

  // `clock` must outlive it.
  explicit OptionsCache(const Clock& clock) : clock_(clock) {}

  std::optional<Rows> Find(const rpc::CallContext& call, const SqlStatement& statement);
  void Keep(const rpc::CallContext& call, const SqlStatement& statement, const Rows& rows);

 private:
  // Workspace, user, statement.
  using Key = std::tuple<std::string, std::string, SqlStatement>;
  struct Entry {
    Rows rows;
    absl::Time expire_time;
  };

  const Clock& clock_;
  std::mutex mutex_;
  std::map<Key, Entry> entries_;
};

}  // namespace tarn::dashboard
