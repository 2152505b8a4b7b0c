// The Smart Hub example against a deployment: its raw files, its manifests, its known answers.
// One thread; failures are those of the test that uses it.
#pragma once

#include <string>

#include "tests/e2e/deployment.h"
#include "tools/datagen/answers.h"
#include "tools/datagen/smart_hub_writer.h"

namespace tarn::e2e {

class SmartHub {
 public:
  struct Size {
    int homes = 4;
    int days = 2;
    int messages = 600;
  };

  explicit SmartHub(Deployment& tarn) : tarn_(tarn) {}

  // Writes the raw files.
  void Generate(const Size& size);
  std::string raw() const { return tarn_.folder() + "/raw"; }
  const datagen::SmartHubAnswers& answers() const { return answers_.smart_hub; }

  // A command that must succeed.
  CommandResult Must(const std::vector<std::string>& arguments, const std::string& input = "");
  // The example's manifests, their channel leading to `url`; what `tarn apply` said.
  std::string Apply(const std::string& url = "http://127.0.0.1:9/alerts");
  // A stream beside the example's, for numbered records: streams/numbers into iot.numbers.
  void ApplyNumbers();
  void Upload();
  // Every home and day of usage_enriched, to the cent.
  void ExpectAnswers();

 private:
  Deployment& tarn_;
  datagen::Answers answers_;
};

}  // namespace tarn::e2e
