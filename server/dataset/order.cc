#include "server/dataset/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "server/control/plain_text.h"

namespace throng {
namespace {

using Length = OrderParameters::Length;

struct NamedLengths {
  std::string_view name;
  std::vector<Length> lengths;  // 128 rows together
};

// Pieces of 1.6 rows on average, of 3.2, and of 6.4 as of people who rate many films at once.
const std::vector<NamedLengths>& AllLengths() {
  static const std::vector<NamedLengths> kAll = {
      {"short", {{1, 48}, {2, 20}, {3, 8}, {4, 4}}},
      {"medium", {{1, 16}, {2, 8}, {3, 5}, {4, 4}, {6, 3}, {8, 2}, {12, 1}, {19, 1}}},
      {"long", {{1, 4}, {2, 2}, {4, 2}, {8, 2}, {12, 1}, {20, 2}, {44, 1}}},
  };
  return kAll;
}

uint64_t Bits(int64_t value) { return static_cast<uint64_t>(value); }

std::vector<Length> ParseLengths(v1::Component* component, Problems* problems) {
  constexpr std::string_view kOption = "lengths";
  std::string chosen = "medium";
  for (const auto& [name, text] : component->options()) {
    if (name == kOption) {
      chosen = text;
      continue;
    }
    problems->push_back(
        {fmt::format("dataset.order.options.{}", name),
         fmt::format("Order `sessions` has no option \"{}\".{}", PlainText(name),
                     DidYouMean(name, std::vector<std::string>{std::string(kOption)}))});
  }
  std::vector<std::string> names;
  for (const NamedLengths& named : AllLengths()) {
    names.emplace_back(named.name);
    if (named.name != chosen) continue;
    (*component->mutable_options())[std::string(kOption)] = chosen;
    return named.lengths;
  }
  problems->push_back({fmt::format("dataset.order.options.{}", kOption),
                       fmt::format("There are no lengths named \"{}\".{}", PlainText(chosen),
                                   DidYouMean(chosen, names))});
  return {};
}

}  // namespace

OrderParameters OrderParameters::Parse(v1::Component* component, Problems* problems) {
  static const std::pair<std::string_view, Component> kComponents[] = {
      {"shuffled", Component::kShuffled},
      {"sessions", Component::kSessions},
      {"independent", Component::kIndependent}};
  OrderParameters parameters;
  std::vector<std::string> names;
  for (const auto& [name, value] : kComponents) {
    names.emplace_back(name);
    if (name != component->component()) continue;
    parameters.component = value;
    if (value == Component::kSessions) {
      parameters.lengths = ParseLengths(component, problems);
      return parameters;
    }
    for (const auto& [option, text] : component->options()) {
      problems->push_back({fmt::format("dataset.order.options.{}", option),
                           fmt::format("Order `{}` has no options; leave it out.", name)});
    }
    return parameters;
  }
  problems->push_back(
      {"dataset.order.component",
       fmt::format("There is no order named \"{}\".{}", PlainText(component->component()),
                   DidYouMean(component->component(), names))});
  return parameters;
}

Order::Order(const OrderParameters& parameters, bool clock_sorts, uint64_t seed, int64_t plan_size)
    : component_(parameters.component == OrderParameters::Component::kSessions && !clock_sorts
                     ? OrderParameters::Component::kShuffled
                     : parameters.component),
      grid_key_(DeriveKey(seed, "grid")),
      rows_(Bits(plan_size)),
      lengths_(parameters.lengths),
      deals_(lengths_.size()) {
  std::vector<uint8_t> rows;  // of each piece
  for (const Length& length : lengths_) {
    rows.insert(rows.end(), length.pieces, static_cast<uint8_t>(length.rows));
  }
  pieces_ = rows.size();
  if (pieces_ == 0) return;
  // The same in every epoch: shuffles of the pieces (Fisher and Yates).
  begins_.resize(kArrangements * pieces_);
  std::vector<size_t> piece(pieces_);
  for (size_t arrangement = 0; arrangement < kArrangements; ++arrangement) {
    const uint64_t key = Hash(DeriveKey(seed, "sessions"), arrangement);
    std::iota(piece.begin(), piece.end(), size_t{0});
    for (size_t i = pieces_; i > 1; --i) {
      std::swap(piece[i - 1], piece[MultiplyHigh(Hash(key, i), i)]);
    }
    uint8_t begin = 0;
    for (const size_t p : piece) {
      begins_[arrangement * pieces_ + p] = begin;
      begin = static_cast<uint8_t>(begin + rows[p]);
    }
  }
}

void Order::StartSegment(int64_t epoch, bool is_only_segment, const SegmentRange& range) {
  if (epoch == epoch_ && range.segment == segment_) return;
  epoch_ = epoch;
  segment_ = range.segment;
  segment_first_ = Bits(range.segment_first);
  segment_rows_ = Bits(range.segment_rows);
  key_ = Hash(grid_key_, Bits(epoch));
  if (!is_only_segment) key_ = Hash(key_, Bits(range.segment));
  if (!IsSessions()) {
    shuffle_ = Permutation(segment_rows_, key_);
    return;
  }
  // The segment's places are turned round by another amount in each, so that the rest, which fills
  // no group, is of other people.
  rotation_ = MultiplyHigh(Hash(key_, lengths_.size()), segment_rows_);
  for (size_t i = 0; i < lengths_.size(); ++i) {
    deals_[i] = Permutation(segment_rows_ / kPieceRows * lengths_[i].pieces, Hash(key_, i));
  }
}

void Order::Fill(int64_t epoch, bool is_only_segment, const SegmentRange& range,
                 const throng_batch& batch) {
  if (IsIndependent()) {
    const uint64_t key = Hash(grid_key_, Bits(epoch));
    for (uint32_t i = 0; i < batch.rows; ++i) {
      const uint64_t row = Bits(range.first) + i;
      batch.place[i] = static_cast<int64_t>(MultiplyHigh(Hash(key, row), rows_));
    }
    return;
  }
  StartSegment(epoch, is_only_segment, range);
  if (IsSessions()) return FillSessions(range, batch);
  shuffle_.MapRange(Bits(range.first - range.segment_first), {batch.place, batch.rows});
  if (range.segment_first > 0) {
    for (uint32_t i = 0; i < batch.rows; ++i) batch.place[i] += range.segment_first;
  }
}

const uint8_t* Order::ArrangementOf(uint64_t group) const {
  return &begins_[(Hash32(key_, group) & (kArrangements - 1)) * pieces_];
}

size_t Order::Append(uint64_t slot, uint32_t rows, size_t to, const throng_batch& batch) const {
  const auto write = [&](uint64_t at, uint32_t part) {
    const auto place = static_cast<int64_t>(segment_first_ + at);
    for (uint32_t row = 0; row < part; ++row, ++to) {
      batch.place[to] = place + row;
      batch.piece_row[to] = row;
      batch.piece_rows[to] = part;
    }
  };
  uint64_t at = slot + rotation_;
  if (at >= segment_rows_) at -= segment_rows_;
  // One that goes round the segment's end is two.
  const auto before_end = static_cast<uint32_t>(std::min<uint64_t>(rows, segment_rows_ - at));
  write(at, before_end);
  write(0, rows - before_end);
  return to;
}

// Places come in groups of kPieceRows; each holds every length's pieces, in one of the
// arrangements. The pieces of a length are dealt to blocks by a permutation of their own, so that
// each block has each length in proportion and pieces of the whole segment.
void Order::FillSessions(const SegmentRange& range, const throng_batch& batch) {
  const uint64_t groups = segment_rows_ / kPieceRows;
  const uint64_t offset = Bits(range.first) - segment_first_;
  const uint64_t end = offset + batch.rows;
  const uint64_t first_group = offset / kPieceRows;
  const uint64_t end_group = end / kPieceRows;
  const bool is_whole = batch.rows == segment_rows_;
  size_t to = 0;
  size_t first_piece = 0;
  for (size_t i = 0; i < lengths_.size(); ++i) {
    const auto [rows, pieces] = lengths_[i];
    dealt_.resize((end_group - first_group) * pieces);
    if (is_whole) {
      std::iota(dealt_.begin(), dealt_.end(), int64_t{0});
    } else {
      deals_[i].MapRange(first_group * pieces, dealt_);
    }
    const Reciprocal each(pieces);
    for (const int64_t piece : dealt_) {
      const auto [group, ordinal] = each.DivideWithRest(Bits(piece));
      const uint64_t begin = ArrangementOf(group)[first_piece + ordinal];
      to = Append(group * kPieceRows + begin, rows, to, batch);
    }
    first_piece += pieces;
  }
  // What is left of the segment fills no group: its places are of the pieces that begin in them.
  if (end != segment_rows_) return;
  const auto rest = static_cast<uint32_t>(segment_rows_ % kPieceRows);
  const uint8_t* begins = ArrangementOf(groups);
  std::vector<std::pair<uint32_t, uint32_t>> last;
  size_t piece = 0;
  for (const auto [rows, pieces] : lengths_) {
    for (uint32_t i = 0; i < pieces; ++i, ++piece) {
      if (begins[piece] < rest)
        last.emplace_back(begins[piece], std::min(rows, rest - begins[piece]));
    }
  }
  std::sort(last.begin(), last.end());
  for (const auto& [begin, rows] : last) to = Append(groups * kPieceRows + begin, rows, to, batch);
}

}  // namespace throng
