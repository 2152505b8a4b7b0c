#include "services/dashboard/render/dataset_columns.h"

#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/clock/clock.h"
#include "common/rpc/call_context.h"
#include "common/status/status_macros.h"
#include "services/dashboard/render/visual_sql.h"

namespace tarn::dashboard {

absl::StatusOr<std::vector<QueryColumn>> DatasetColumns::Get(const rpc::CallContext& call,
                                                             const v1::Dataset& dataset,
                                                             const std::string& source) {
  Key key{call.caller.workspace, call.caller.user, dataset.name(), dataset.etag()};
  {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found != entries_.end() && clock_.Now() < found->second.expire_time) {
      return found->second.columns;
    }
  }
  TARN_ASSIGN_OR_RETURN(QueryRows rows, runner_.Run(call, ColumnsStatement(dataset), source));
  std::lock_guard lock(mutex_);
  const absl::Time now = clock_.Now();
  if (entries_.size() >= kMaxEntries) {
    std::erase_if(entries_, [now](const auto& entry) { return entry.second.expire_time <= now; });
    if (entries_.size() >= kMaxEntries) entries_.clear();
  }
  entries_[key] = {rows.columns, now + kMaxAge};
  return std::move(rows.columns);
}

}  // namespace tarn::dashboard
