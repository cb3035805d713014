// SPDX-License-Identifier: Apache-2.0
#pragma once
// IAM Roles Anywhere: sessions for machines that hold a certificate and no other secret. Source:
// IAM Roles Anywhere User Guide and API Reference 2018-05-10.
//
//   Ports ports{.services = {&rolesanywhere::service}};
//   ports.certificates = certificates.get();
#include "request/ports.h"

namespace sluice::rolesanywhere {

extern const Service service;
// The certificates that lead to a trust anchor.
std::unique_ptr<CertificateIdentities> certificate_identities();

}  // namespace sluice::rolesanywhere
