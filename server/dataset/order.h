// Which place of its epoch each row takes: shuffled, or kept together as sessions. A place decides
// who it is, so that rows of places that follow one another are of one user more often than not.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/dataset/segments.h"
#include "server/spec/problem.h"
#include "throng/plugin.h"
#include "throng/random.hpp"
#include "throng/v1/spec.pb.h"

namespace throng {

// The order as a spec chose it.
struct OrderParameters {
  enum class Component : uint8_t {
    kShuffled,     // each segment's rows are permuted
    kSessions,     // in pieces of places that follow one another
    kIndependent,  // each row draws a place of its own, so that some come twice and others never
  };
  Component component = Component::kShuffled;
  // Of sessions: how many pieces of each length there are in kPieceRows places.
  struct Length {
    uint32_t rows;
    uint32_t pieces;
  };
  std::vector<Length> lengths;

  // The order of dataset.order, whose options it fills in; what is wrong goes to `problems`.
  static OrderParameters Parse(v1::Component* component, Problems* problems);
};

// One thread's order of a dataset's rows.
class Order {
 public:
  // Rows that pieces are dealt in, whatever their lengths.
  static constexpr int64_t kPieceRows = Segments::kPieceRows;

  Order() = default;
  // Where the clock does not sort blocks by time, sessions would not be seen: rows are shuffled.
  Order(const OrderParameters& parameters, bool clock_sorts, uint64_t seed, int64_t plan_size);

  bool IsSessions() const { return component_ == OrderParameters::Component::kSessions; }
  bool IsIndependent() const { return component_ == OrderParameters::Component::kIndependent; }

  // Fills place, piece_row and piece_rows of a range's rows: of sessions that of a whole block.
  // Where rows are in no sessions, piece_row is left at 0 and piece_rows at 1.
  void Fill(int64_t epoch, bool is_only_segment, const SegmentRange& range,
            const throng_batch& batch);

 private:
  static constexpr size_t kArrangements = 256;

  // Writes the rows of a piece, at `to`, and returns where the next one goes.
  size_t Append(uint64_t slot, uint32_t rows, size_t to, const throng_batch& batch) const;
  void FillSessions(const SegmentRange& range, const throng_batch& batch);
  void StartSegment(int64_t epoch, bool is_only_segment, const SegmentRange& range);
  const uint8_t* ArrangementOf(uint64_t group) const;

  OrderParameters::Component component_ = OrderParameters::Component::kShuffled;
  uint64_t grid_key_ = 0;  // of places
  uint64_t rows_ = 0;
  std::vector<OrderParameters::Length> lengths_;
  size_t pieces_ = 0;  // of a group of kPieceRows places
  // For each arrangement where each piece begins, pieces by length.
  std::vector<uint8_t> begins_;

  // Of the segment that was filled last.
  int64_t epoch_ = -1;
  int64_t segment_ = -1;
  uint64_t key_ = 0;
  uint64_t segment_first_ = 0;
  uint64_t segment_rows_ = 0;
  uint64_t rotation_ = 0;
  Permutation shuffle_;
  std::vector<Permutation> deals_;  // of the pieces of each length
  std::vector<int64_t> dealt_;      // scratch
};

}  // namespace throng
