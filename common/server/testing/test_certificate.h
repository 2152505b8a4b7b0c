// A certificate for localhost, made on the spot and its own authority.
#pragma once

#include <string>

namespace tarn::server {

struct TestCertificate {
  std::string certificate_pem;
  std::string private_key_pem;
};

// Valid for an hour for the names localhost and 127.0.0.1.
TestCertificate MakeTestCertificate();

}  // namespace tarn::server
