// Events that fit a trigger and have not become a run yet (transform.firings). Functions run their
// SQL in the caller's transaction and throw as Transaction::Exec does. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "common/postgres/transaction.h"
#include "services/transform/parameter_values.h"

namespace tarn::transform::firing_store {

struct Firing {
  std::string workspace;
  std::string pipeline_id;
  std::string event_id;
  std::string trigger;  // "event/…"
  ParameterValues parameters;
  // What caused the event.
  std::vector<std::string> causes;
  // Read: whether a run of the pipeline itself is among the causes.
  bool own = false;
};

// Nothing happens when the event is there already.
void Insert(Transaction& txn, const Firing& firing, absl::Time now);

// Takes the oldest one that can be decided. One cannot while a step of the pipeline has been begun
// whose work's name is not written yet: it may be what caused the event.
std::optional<Firing> TakeNext(Transaction& txn);

}  // namespace tarn::transform::firing_store
