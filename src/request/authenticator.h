// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who is asking. A caller proves who he is in one of several ways, and each way is an
// Authenticator: it knows its requests by their head, opens what they bring as evidence before a
// byte of the body is read, and the evidence, once it holds, gives the caller. Which ways an
// operation takes is said by its row (Row::proofs).
//
//   TRY(auto evidence, open_evidence(authenticators, request, raw, service, ports));
//   TRY(auto caller, evidence->verify(request, service, ports));
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "request/ports.h"

namespace sluice {

// What one request brought to prove its caller. Opened, not yet believed.
class Evidence {
 public:
  virtual ~Evidence() = default;
  virtual Proof proof() const = 0;
  // To whom the request's body and connection are counted: an access key id, where there is one.
  virtual std::string account() const = 0;
  // How large a body is read before the proof is verified, when that needs the body.
  virtual size_t body_bytes_max() const { return SIZE_MAX; }
  // The session whose sealed token the request holds; nullptr: it needs none.
  virtual const Session* session() const = 0;
  // The hash of the payload, where the head alone can be verified by it; "" when verify() needs the
  // whole body.
  virtual std::string payload_hash(const Request& request) const = 0;
  // The proof itself. The error is AWS's in the dialect of the service. What the row needs of the
  // proof is put into the request.
  virtual Result<std::shared_ptr<const Caller>> verify(Request& request, const Service& service,
                                                       const Ports& ports) const = 0;
  // The payload of S3, which proves itself while it is read. `raw` must outlive it.
  virtual Result<std::shared_ptr<BodySource>> payload(BodySource& raw,
                                                      const Request& request) const = 0;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // Whether a request comes with proof of this kind.
  virtual bool knows(const Request& request, const Service& service) const = 0;
  // May read from `raw` what stands before the payload: the fields of a form.
  virtual Result<std::unique_ptr<Evidence>> open(Request& request, BodySource& raw,
                                                 const Service& service, const Ports& ports) = 0;
};

// In the order in which they are asked; the last knows every request.
using Authenticators = std::vector<std::unique_ptr<Authenticator>>;
Authenticators all_authenticators();
Result<std::unique_ptr<Evidence>> open_evidence(const Authenticators& authenticators,
                                                Request& request, BodySource& raw,
                                                const Service& service, const Ports& ports);

// AccessDenied for a caller who came another way than the operation takes.
Result<Done> check_proof(const Row& row, Proof proof);

}  // namespace sluice
