// Messages of a real Mosquitto that a connector brings into a stream.
#pragma once

#include <cstdint>

#include "bench/load/load_target.h"
#include "services/ingestion/mqtt/testing/mosquitto.h"

namespace tarn::bench {

// Makes the connector, lets the broker gather `messages` for it while it is paused, and gives how
// many a second are acknowledged once it goes on. The target finds the broker's secrets.
double RunMqtt(LoadTarget& target, ingestion::mqtt::Mosquitto& broker, int64_t messages);

}  // namespace tarn::bench
