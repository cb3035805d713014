// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fills a new table, which nobody sees before it is whole: an import or a restore writes items in
// batches, and in the end the table is ACTIVE or gone.
//
//   Filler filler(ports, table, "Readings");
//   CHECK(filler.add(std::move(item)));
//   if (filler.full()) CHECK(filler.write([&](Staged& staged) { staged.update(job); }));
//   CHECK(end_filling(ports, "Readings", table.id(), true, finish_the_job));
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

class Filler {
 public:
  // What else goes with a commit. It may be called again when the commit meets another one.
  using More = std::function<void(Staged&)>;

  Filler(const Ports& ports, const Table& table, std::string name);
  // The item has passed check_item. Errors: ValidationException when its keys do not fit the table.
  Result<Done> add(json::object item);
  bool full() const;
  size_t count() const { return batch_.size(); }
  // Writes what was added. Errors: ResourceNotFoundException when the table was deleted.
  Result<Done> write(const More& more);

 private:
  Result<Done> stage(Staged& staged) const;
  const Ports& ports_;
  const Table& table_;
  const std::string name_;
  std::vector<json::object> batch_;
  size_t bytes_ = 0;
};

// The table is ACTIVE from now on; when it is not `whole` it goes. Nothing of it is done when the
// table is not that one any more, but `more` is.
Result<Done> end_filling(const Ports& ports, const std::string& name, const std::string& table_id,
                         bool whole, const Filler::More& more);
// Commits what `stage` stages, again and again while another commit overwrites what it reads.
Result<Done> commit_until_done(const Ports& ports,
                               const std::function<Result<Done>(Staged&)>& stage);

}  // namespace sluice::dynamodb
