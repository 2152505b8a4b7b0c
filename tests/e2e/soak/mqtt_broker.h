// A Mosquitto beside the fault machine, whose clients need no credentials. It is never killed: what
// it has accepted is ingestion's to fetch. One thread, which must live as long as it.
#pragma once

#include <memory>
#include <string>

#include "tests/e2e/child.h"
#include "tests/e2e/port_lease.h"
#include "tests/e2e/record_way.h"

namespace tarn::e2e {

class MqttBroker {
 public:
  // Whether this machine has one.
  static bool Installed();

  // Below `folder`. Waits until it listens; ends the program when it does not.
  explicit MqttBroker(const std::string& folder);

  // "127.0.0.1:1883".
  std::string address() const;
  // Publishes each record as a message to `topic`, with QoS 1: acknowledged is what the broker has
  // accepted. A batch that is sent again comes twice.
  std::unique_ptr<RecordWay> MakeWay(const std::string& topic) const;

 private:
  const PortLease port_;
  std::unique_ptr<Child> broker_;
};

}  // namespace tarn::e2e
