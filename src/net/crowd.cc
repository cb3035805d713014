// SPDX-License-Identifier: Apache-2.0
#include "net/crowd.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/clock.h"

namespace sluice::net {
namespace {
constexpr size_t kStrangersPassedMax = 64;  // of their lines, when places are given
}  // namespace

Guest::Guest(Crowd& of, int descriptor, std::string from)
    : crowd(of), fd(descriptor), source(std::move(from)), since_us(monotonic_us()) {}

void Guest::begin_wait() { waits_since_us = monotonic_us(); }
void Guest::end_wait(size_t bytes_moved) {
  waited_us += monotonic_us() - waits_since_us.exchange(0);
  moved += bytes_moved;
}
void Guest::begin_answer() {
  waited_us = 0;
  moved = 0;
}
int64_t Guest::waited_until(int64_t now_us) const {
  const int64_t waits_since = waits_since_us;
  return waited_us + (waits_since ? now_us - waits_since : 0);
}
namespace {
bool moves_less(const Guest& guest, int64_t waited_us, int64_t bytes_per_second) {
  return static_cast<int64_t>(guest.moved) < waited_us / 1'000'000 * bytes_per_second;
}
}  // namespace
bool Guest::is_slow(int64_t now_us) const {
  const int64_t waits_since = waits_since_us;
  if (!waits_since) return false;
  if (now_us - waits_since > kSlowAfterUs) return true;  // however much he moved before
  const int64_t waited = waited_until(now_us);
  return waited > kSlowAfterUs && moves_less(*this, waited, kSlowBytesPerSecond);
}
bool Guest::is_below(int64_t bytes_per_second_min) const {
  return waited_us > kSlowTimeoutUs && moves_less(*this, waited_us, bytes_per_second_min);
}
bool Guest::is_behind(int64_t now_us) const {
  const int64_t waits_since = waits_since_us;
  if (waits_since && now_us - waits_since >= kBehindAfterUs) return true;
  const int64_t waited = waited_until(now_us);
  return waited >= kBehindAfterUs && moves_less(*this, waited, kBehindBytesPerSecond);
}

CrowdLimits limits_within(size_t descriptors) {
  CrowdLimits limits;
  limits.connections = std::min(limits.connections, descriptors / 4 * 3);
  limits.strangers = std::min(limits.strangers, limits.connections * 3 / 4);
  limits.of_a_session = std::min(limits.of_a_session, limits.connections * 3 / 4);
  limits.leaving = std::min(limits.leaving, limits.connections / 4);
  return limits;
}

std::shared_ptr<Guest> Crowd::admit(int fd, const std::string& ip) {
  const MutexLock lock(mutex_);
  if (guests_.size() >= limits_.connections + limits_.leaving) return nullptr;
  if (share_of("").connections >= limits_.strangers) dismiss_a_stranger();
  if (all_.connections >= limits_.connections && !make_room()) return nullptr;
  guests_.push_back(std::make_shared<Guest>(*this, fd, source_key(ip)));
  Guest& guest = *guests_.back();
  standing_of(guest).in_all = std::prev(guests_.end());
  enter(guest);
  fill_places();  // who was told to leave may have had one
  return guests_.back();
}

void Crowd::forget(Guest& guest) {
  const MutexLock lock(mutex_);
  leave_line(guest);
  if (!standing_of(guest).leaving) leave(guest);
  guests_.erase(standing_of(guest).in_all);
  fill_places();
}

Turn Crowd::ask_place(Guest& guest, std::string_view claimed_session) {
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  if (standing.leaving || standing.refused) return Turn::never;
  if (standing.has_place) return Turn::now;  // it has waited for it
  // A session that is not here has no share that a claim could stand in: whoever made up many
  // would have as many.
  standing.claim = standing.session.empty() ? claimed_session : "";
  if (!share_of(standing.claim).connections) standing.claim.clear();
  if (lack_of(standing).any()) {
    make_place_for(standing, monotonic_us());
    fill_places();  // those that wait come first
  }
  if (lack_of(standing).any()) return Turn::later;
  give_place(guest);
  return Turn::now;
}

void Crowd::give_place(Guest& guest) {
  guest.waited_us = 0;
  guest.moved = 0;
  leave(guest);
  guest.since_us = monotonic_us();
  standing_of(guest).has_place = true;
  enter(guest);
}

void Crowd::give_up_place(Guest& guest) {
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  if (standing.leaving) return;
  leave(guest);
  guest.since_us = monotonic_us();
  standing.has_place = false;
  enter(guest);
  fill_places();
}

// What is used up, so that this one has to wait.
Crowd::Lack Crowd::lack_of(const Guest::Standing& standing) const {
  const bool stranger = standing.session.empty();
  const std::string& session = stranger ? standing.claim : standing.session;
  const Share share = share_of(session);
  return {
      .all = all_.places >= limits_.places,
      .strangers = stranger && share_of("").places >= limits_.places_of_strangers,
      .session = !session.empty() && share.places + share.claimed >= limits_.places_of_a_session,
      .claims = stranger && !session.empty() &&
                share.claimed >= std::max<size_t>(limits_.places_of_a_session / 4, 1)};
}

// Those that hold up this one make room. Nobody goes when that would not be enough. False: nobody
// went. One of the strangers that claim a session makes room in every share that they take from.
bool Crowd::make_place_for(const Guest::Standing& standing, int64_t now_us) {
  const Lack lack = lack_of(standing);
  const std::string& session = standing.session.empty() ? standing.claim : standing.session;
  std::vector<Guest*> goes;
  if (lack.claims) {
    goes = {a_served_stranger(now_us, &session)};
  } else {
    if (lack.session) goes.push_back(a_slow_one(&session));
    if (lack.strangers) goes.push_back(a_served_stranger(now_us));
    if (lack.all && goes.empty()) goes.push_back(a_slow_one());
  }
  if (goes.empty() || std::find(goes.begin(), goes.end(), nullptr) != goes.end()) return false;
  for (Guest* guest : goes) dismiss(*guest);
  return true;
}

void Crowd::stand_last(Line& line) {
  std::list<Line*>& turns = turns_[line.of_strangers];
  turns.splice(turns.end(), turns, line.in_turns);
  line.turn = next_turn_++;
}
// The line whose turn it is; nullptr: there is none that may have a place.
Crowd::Line* Crowd::next_line(bool strangers_too) {
  Line* const known = turns_[false].empty() ? nullptr : turns_[false].front();
  const bool passed =
      !strangers_too || turns_[true].empty() || share_of("").places >= limits_.places_of_strangers;
  Line* const strange = passed ? nullptr : turns_[true].front();
  return !strange || (known && known->turn < strange->turn) ? known : strange;
}

// Gives the places that are free to those that wait. Who has a line has one turn after the other,
// and those whose share is used up are passed over. Of strangers that claim a session whose share
// is used up there may be thousands: some are passed over now and the next ones the next time.
void Crowd::fill_places() {
  size_t passed_strangers = 0;
  uint64_t seen = next_turn_;  // the lines with this turn or a later one were passed over
  while (all_.places < limits_.places) {
    Line* const line = next_line(passed_strangers < kStrangersPassedMax);
    if (!line || line->turn >= seen) return;
    stand_last(*line);
    Guest& first = *line->guests.front();
    if (lack_of(standing_of(first)).any()) {
      passed_strangers += line->of_strangers;
      continue;
    }
    leave_line(first);
    give_place(first);
    resume(first, false);
    seen = next_turn_;
  }
}

void Crowd::wait_for_place(Guest& guest, std::function<void()> resume_it) {
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  standing.resume = std::move(resume_it);
  if (standing.leaving || !make_room_in_lines(guest)) return resume(guest, true);
  const std::string name = line_of(guest);
  Line& line = waiting_[name];
  if (line.guests.empty()) {
    line.name = name;
    line.of_strangers = standing.session.empty();
    std::list<Line*>& turns = turns_[line.of_strangers];
    line.in_turns = turns.insert(turns.end(), &line);
    line.turn = next_turn_++;
  }
  standing.waits_in = &line;
  standing.waits_since_us = monotonic_us();
  standing.in_waiting = line.guests.insert(line.guests.end(), &guest);
  ++waiting_count_;
  if (standing.session.empty())
    ++waiting_strangers_;
  else
    idle_.splice(idle_.end(), idle_, standing.in_line);  // it is not the one to be sent away
  fill_places();                                         // one may have become free meanwhile
}

// A stranger waits with the others of his source that claim the same session, or none that is here:
// whoever claims a session from elsewhere does not hold up its own newcomers.
std::string Crowd::line_of(const Guest& guest) const {
  const Guest::Standing& standing = guest.standing_;
  if (!standing.session.empty()) return "session " + standing.session;
  const std::string source = "source " + guest.source;
  return standing.claim.empty() ? source : "claim " + standing.claim + " of " + source;
}

// False: this one's line is the longest, so it is this one that finds no room.
bool Crowd::make_room_in_lines(const Guest& guest) {
  const bool stranger = guest.standing_.session.empty();
  const bool full = waiting_count_ >= limits_.waiting,
             full_of_strangers = stranger && waiting_strangers_ >= limits_.waiting_strangers;
  if (!full && !full_of_strangers) return true;
  Line* longest = nullptr;
  for (const auto& turns : turns_)
    for (Line* line : turns) {
      if (full_of_strangers && !line->of_strangers) continue;
      if (!longest || line->guests.size() > longest->guests.size()) longest = line;
    }
  const auto own = waiting_.find(line_of(guest));
  const size_t own_size = own == waiting_.end() ? 0 : own->second.guests.size();
  if (!longest || longest->guests.size() <= own_size + 1) return false;
  Guest& last = *longest->guests.back();
  leave_line(last);
  resume(last, true);
  return true;
}

void Crowd::leave_line(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  Line* const line = std::exchange(standing.waits_in, nullptr);
  if (!line) return;
  line->guests.erase(standing.in_waiting);
  --waiting_count_;
  if (standing.session.empty()) --waiting_strangers_;
  if (!line->guests.empty()) return;
  turns_[line->of_strangers].erase(line->in_turns);
  waiting_.erase(std::string(line->name));
}

void Crowd::resume(Guest& guest, bool refused) {
  Guest::Standing& standing = standing_of(guest);
  standing.refused = refused;
  std::exchange(standing.resume, nullptr)();
}

void Crowd::look_after_lines(int64_t now_us) {
  const MutexLock lock(mutex_);
  bound_answers(now_us);
  std::vector<Guest*> late;
  for (const auto& [name, line] : waiting_)
    for (Guest* guest : line.guests) {
      if (now_us - standing_of(*guest).waits_since_us <= kPlaceWaitMaxUs) break;
      late.push_back(guest);
    }
  for (Guest* guest : late) {
    leave_line(*guest);
    resume(*guest, true);
  }
  for (size_t lines = 0; lines <= turns_[true].size(); lines += kStrangersPassedMax) fill_places();
  while (make_place_for_one_of_each(now_us)) fill_places();
}

// False: nobody had to go.
bool Crowd::make_place_for_one_of_each(int64_t now_us) {
  bool made = false;
  for (const auto& turns : turns_)
    for (const Line* line : turns)
      made |= make_place_for(standing_of(*line->guests.front()), now_us);
  return made;
}

void Crowd::refuse_all_waiting() {
  const MutexLock lock(mutex_);
  while (!waiting_.empty()) {
    Guest& guest = *waiting_.begin()->second.guests.front();
    leave_line(guest);
    resume(guest, true);
  }
}

bool Crowd::introduce(Guest& guest, const std::string& session) {
  // Only the thread that serves the connection changes it, which is this one.
  if (guest.standing_.session == session) return true;
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  const Share share = share_of(session);
  if (standing.leaving || share.places >= limits_.places_of_a_session ||
      share.connections >= limits_.of_a_session)
    return false;
  leave(guest);
  standing.session = session;
  standing.claim.clear();
  enter(guest);
  fill_places();  // a stranger's place is free
  return true;
}

Crowd::Share Crowd::share_of(const std::string& session) const {
  const auto known = shares_.find(session);
  return known == shares_.end() ? Share{} : known->second;
}

// Counts the connection where it stands now, and lets it be found there.
void Crowd::enter(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  for (Share* share : {&all_, &shares_[standing.session]}) {
    ++share->connections;
    if (standing.has_place) ++share->places;
  }
  if (standing.has_place) {
    standing.in_served = served_.insert(served_.end(), &guest);
    if (!standing.claim.empty()) ++shares_[standing.claim].claimed;
  }
  queue(guest);
}

void Crowd::leave(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  const auto own = shares_.find(standing.session);
  for (Share* share : {&all_, &own->second}) {
    --share->connections;
    if (standing.has_place) --share->places;
  }
  if (!own->second.connections && !own->second.claimed) shares_.erase(own);
  if (standing.has_place) {
    answers_bytes_ -= std::exchange(standing.answer_bytes, 0);
    served_.erase(standing.in_served);
    if (!standing.claim.empty()) unclaim(standing.claim);
  }
  unqueue(guest);
}

void Crowd::unclaim(const std::string& session) {
  const auto share = shares_.find(session);
  if (--share->second.claimed == 0 && !share->second.connections) shares_.erase(share);
}

std::tuple<size_t, int64_t, Crowd::Line*> Crowd::rank(Line& line) const {
  return {line.guests.size(), -line.guests.front()->since_us, &line};
}

// At the end: it came, or was answered, after all that stand there.
void Crowd::queue(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  if (standing.session.empty()) {
    Line& line = lines_[guest.source];
    if (!line.guests.empty()) ranks_.erase(rank(line));
    standing.in_line = line.guests.insert(line.guests.end(), &guest);
    ranks_.insert(rank(line));
  } else if (!standing.has_place) {
    standing.in_line = idle_.insert(idle_.end(), &guest);
  }
}

void Crowd::unqueue(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  if (standing.session.empty()) {
    Line& line = lines_[guest.source];
    ranks_.erase(rank(line));
    line.guests.erase(standing.in_line);
    if (line.guests.empty())
      lines_.erase(guest.source);
    else
      ranks_.insert(rank(line));
  } else if (!standing.has_place) {
    idle_.erase(standing.in_line);
  }
}

void Crowd::dismiss(Guest& guest) {
  const bool waits = standing_of(guest).waits_in;
  leave_line(guest);
  leave(guest);
  standing_of(guest).leaving = true;
  shutdown(guest.fd, SHUT_RDWR);  // whoever serves it notices, and closes it
  if (waits) resume(guest, true);
}

// Who goes when all connections are taken. Where most are strangers', one of them; else a known one
// that waits, so that newcomers do not send each other away for somebody who only holds many.
bool Crowd::make_room() {
  const bool mostly_strangers = share_of("").connections * 2 > all_.connections;
  return (mostly_strangers && dismiss_a_stranger()) || dismiss_an_idle_one() ||
         dismiss_a_stranger() || dismiss_a_slow_one();
}

// Of the source that has most strangers, the one that has waited longest; whatever it does.
bool Crowd::dismiss_a_stranger() {
  if (ranks_.empty()) return false;
  dismiss(*std::get<Line*>(*ranks_.rbegin())->guests.front());
  return true;
}

// The same among the strangers whose requests have held a place for long, or among those of them
// that claim to be of this session.
Guest* Crowd::a_served_stranger(int64_t now_us, const std::string* claimed_session) const {
  std::map<std::string_view, std::vector<Guest*>> served_of;
  for (Guest* guest : served_)
    if (standing_of(*guest).session.empty() && now_us - guest->since_us > kStrangerGraceUs &&
        (!claimed_session || standing_of(*guest).claim == *claimed_session))
      served_of[guest->source].push_back(guest);
  const auto most =
      std::max_element(served_of.begin(), served_of.end(), [](const auto& a, const auto& b) {
        if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
        return a.second.front()->since_us > b.second.front()->since_us;
      });
  return most == served_of.end() ? nullptr : most->second.front();
}

// Between two requests.
bool Crowd::dismiss_an_idle_one() {
  if (idle_.empty()) return false;
  dismiss(*idle_.front());
  return true;
}

// Of the session that has most slow ones, or of this session, the one that moved the least.
Guest* Crowd::a_slow_one(const std::string* of_session) const {
  const int64_t now_us = monotonic_us();
  std::map<std::string_view, std::vector<Guest*>> slow_of;
  for (Guest* guest : served_)
    if (guest->is_slow(now_us) && (!of_session || standing_of(*guest).session == *of_session))
      slow_of[standing_of(*guest).session].push_back(guest);
  const auto most = std::max_element(
      slow_of.begin(), slow_of.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most == slow_of.end()) return nullptr;
  return *std::min_element(most->second.begin(), most->second.end(),
                           [](const Guest* a, const Guest* b) { return a->moved < b->moved; });
}
// nullptr: nobody is behind. Then they are taken as fast as can be, and there will be fewer soon.
Guest* Crowd::one_behind_with_an_answer(int64_t now_us) const {
  std::map<std::string_view, std::pair<size_t, Guest*>> behind;  // by session
  for (Guest* guest : served_) {
    const Guest::Standing& standing = standing_of(*guest);
    if (!standing.answer_bytes || !guest->is_behind(now_us)) continue;
    auto& [bytes, longest] = behind[standing.session];
    bytes += standing.answer_bytes;
    if (!longest || guest->waited_until(now_us) > longest->waited_until(now_us)) longest = guest;
  }
  const auto most = std::max_element(
      behind.begin(), behind.end(),
      [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
  return most == behind.end() ? nullptr : most->second.second;
}
void Crowd::bound_answers(int64_t now_us) {
  while (answers_bytes_ > limits_.answers_bytes)
    if (Guest* const one = one_behind_with_an_answer(now_us))
      dismiss(*one);
    else
      return;
}
void Crowd::hold_answer(Guest& guest, size_t bytes, int64_t now_us) {
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  if (standing.leaving || !standing.has_place) return;
  answers_bytes_ += bytes - std::exchange(standing.answer_bytes, bytes);
  bound_answers(now_us);
}

bool Crowd::dismiss_a_slow_one() {
  Guest* const slow = a_slow_one();
  if (slow) dismiss(*slow);
  return slow;
}

}  // namespace sluice::net
