// Pipelines in PostgreSQL (transform.pipelines, transform.triggers). Every function runs its SQL in
// the caller's transaction and throws as Transaction::Exec does. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "services/transform/pipeline.h"

namespace tarn::transform::pipeline_store {

// False when there is one of that name.
bool Insert(Transaction& txn, const StoredPipeline& pipeline);

enum class Lock { kNone, kForUpdate };
std::optional<StoredPipeline> Find(Transaction& txn, const std::string& workspace,
                                   const std::string& id, Lock lock = Lock::kNone);

// By name, after `after_id`.
std::vector<StoredPipeline> List(Transaction& txn, const std::string& workspace,
                                 const std::string& after_id, int limit);

// Writes everything but its creation.
void Update(Transaction& txn, const StoredPipeline& pipeline);

// With its runs and what belongs to them.
void Delete(Transaction& txn, const std::string& workspace, const std::string& id);

// Locks one pipeline whose schedule is due at `now` and that nobody else holds.
std::optional<StoredPipeline> LockNextDue(Transaction& txn, absl::Time now);

void SetNextRun(Transaction& txn, const std::string& workspace, const std::string& id,
                const std::optional<absl::Time>& time);

// Those of the workspace that have a trigger on the type and are not paused.
std::vector<StoredPipeline> ListByTrigger(Transaction& txn, const std::string& workspace,
                                          const std::string& event_type);

}  // namespace tarn::transform::pipeline_store
