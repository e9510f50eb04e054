// What is asked of one output of a run: its components and their options, its rows, and what makes
// two requests mean the same output.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/control/digest.h"
#include "server/dataset/plan.h"
#include "server/dataset/slice.h"
#include "server/delivery/encoder.h"
#include "server/delivery/placed_options.h"
#include "server/delivery/table.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"
#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"

namespace throng {

class OutputRequest {
 public:
  // Looks up the components and parses the options of `run.outputs(index)`; adds to `problems`.
  // Catalogue and environment outlive this. `now`: ms since 1970 UTC.
  OutputRequest(const v1::RunSpec& run, int index, const Catalogue& catalogue,
                const Environment& environment, int64_t now, Problems* problems);
  OutputRequest(const OutputRequest&) = delete;
  OutputRequest& operator=(const OutputRequest&) = delete;

  // Fixes what is written: table, rows and identity. The format begins once without a sink, so that
  // what it refuses is found before anything is written; one of messages as if somebody wanted to
  // stop, so that it asks nobody. Once; nothing changes afterwards but by Adopt.
  void Configure(const Plan& plan, Problems* problems);
  // Goes on with another plan of the same dataset: the identity is what was asked first.
  void Adopt(const Plan& plan);

  // ---- As asked ----
  const std::string& name() const { return spec_.name(); }
  const v1::OutputSpec& spec() const { return spec_; }
  const v1::RunSpec& run() const { return run_; }
  const Component& format() const { return *format_; }
  const Component& sink() const { return *sink_; }
  // When it was asked, in ms since 1970 UTC.
  int64_t now() const { return now_; }
  // The path, the topic; or empty.
  const std::string& destination() const { return destination_; }
  bool HasInteractions() const { return spec_.table() == v1::TABLE_INTERACTIONS; }
  // Whether the sink keeps a position to go on from.
  bool IsDurable() const { return sink_->sink.is_durable != 0; }
  // Whether it is a row of files, each a part of it, and a sink and a position to each.
  bool IsRolled() const { return spec_.roll_rows() > 0; }
  // The number of its first part; -1: it is not rolled, and one whole.
  int64_t first_part() const { return IsRolled() ? 0 : -1; }
  // Whether it is written as messages, and not as a stream.
  bool IsMessages() const { return mode_ == THRONG_RECORDS_MESSAGES; }
  // Whether the place is a path of this machine.
  bool IsPath() const { return is_path_; }
  bool WritesToStdout() const { return spec_.sink().component() == "stdout"; }
  // Side tables belong to slice 0: other slices leave them alone.
  bool BelongsToAnotherSlice() const { return !HasInteractions() && run_.slice().index() > 0; }
  // Its spec with every option and absolute times.
  v1::OutputSpec ResolvedSpec() const;
  std::vector<const Component*> components() const { return {format_, sink_}; }

  // What format and sink write, and where: the part of the identity that needs no plan.
  void AddForm(Digest* digest) const;
  std::shared_ptr<const PlacedOptions> FormatOptions(int64_t part) const {
    return std::make_shared<PlacedOptions>(*format_, format_options_, run_.slice(), part);
  }

  // ---- Once configured ----
  const Plan& plan() const { return *plan_; }
  const Table& table() const { return *table_; }
  // 64 hexadecimal digits: equal for requests that mean the same output.
  const std::string& identity() const { return identity_; }
  // Whether another identity is that of this output, but for the number of interactions: then a
  // clause that says why it cannot have more rows, and what can.
  std::optional<std::string> WhyItCannotGrow(const std::string& identity,
                                             int64_t interactions) const;
  // The rows it covers, and those of a part of it; -1: all.
  const Slice& slice() const { return *slice_; }
  Slice PartSlice(int64_t part) const;

  // ---- For a part; -1: all ----
  // All but the prologue. Points into this and into `format_state`.
  Encoding EncodingOf(int64_t part, int64_t created_ms, std::string_view format_state) const;
  // PERMISSION_DENIED: a path lies outside the output roots by now. `environment` outlives it.
  absl::StatusOr<std::shared_ptr<Sink>> MakeSink(int64_t part,
                                                 const Environment& environment) const;

 private:
  // The files of an output are as many as it has parts: `path`, {part} and roll_rows agree.
  void CheckParts(Problems* problems) const;
  // Whether the paths among the sink's and the format's options lie below the output roots, as they
  // are for a part.
  void CheckRoots(int64_t part, Problems* problems) const;
  // What a format of messages refuses without asking anybody.
  void CheckMessages(Problems* problems) const;
  void AddFormatProblem(const absl::Status& status, Problems* problems) const;
  throng_destination Destination(const Slice& rows, int64_t created_ms,
                                 std::string_view format_state) const;
  // If so many interactions are asked for.
  std::string IdentityOf(int64_t interactions) const;

  const v1::RunSpec run_;
  const v1::OutputSpec spec_;
  const std::string field_;  // "outputs[0]"
  const Environment& environment_;
  const int64_t now_;
  const Component* format_ = nullptr;
  const Component* sink_ = nullptr;
  OptionValues format_options_;
  OptionValues sink_options_;
  std::string destination_;
  bool is_path_ = false;
  uint32_t mode_ = 0;

  const Plan* plan_ = nullptr;
  std::unique_ptr<Table> table_;
  std::optional<Slice> slice_;
  // What depends on how many interactions are asked for, and so makes another output of more.
  enum class BoundTo { kNothing, kShare, kSlice, kPrologue } bound_ = BoundTo::kNothing;
  std::string identity_;
};

}  // namespace throng
