#include "services/dashboard/render/options_cache.h"

#include "common/clock/clock.h"
#include "common/rpc/call_context.h"

namespace tarn::dashboard {

std::optional<OptionsCache::Rows> OptionsCache::Find(const rpc::CallContext& call,
                                                     const SqlStatement& statement) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find({call.caller.workspace, call.caller.user, statement});
  if (found == entries_.end() || found->second.expire_time <= clock_.Now()) return std::nullopt;
  return found->second.rows;
}

void OptionsCache::Keep(const rpc::CallContext& call, const SqlStatement& statement,
                        const Rows& rows) {
  std::lock_guard lock(mutex_);
  const absl::Time now = clock_.Now();
  if (entries_.size() >= kMaxEntries) {
    std::erase_if(entries_, [now](const auto& entry) { return entry.second.expire_time <= now; });
    if (entries_.size() >= kMaxEntries) entries_.clear();
  }
  entries_[{call.caller.workspace, call.caller.user, statement}] = {rows, now + kMaxAge};
}

}  // namespace tarn::dashboard
