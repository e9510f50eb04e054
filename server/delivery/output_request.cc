#include "server/delivery/output_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/delivery/placed_options.h"
#include "server/host/roots.h"

namespace throng {
namespace {

std::map<std::string, std::string> OptionsOf(const v1::Component& component) {
  return {component.options().begin(), component.options().end()};
}

std::string_view ModeName(uint32_t modes) {
  return modes == THRONG_RECORDS_STREAM     ? "a stream"
         : modes == THRONG_RECORDS_MESSAGES ? "messages"
                                            : "a stream or messages";
}

// Rows of the table that an output covers: its range, before slices.
std::pair<int64_t, int64_t> RangeOf(const v1::OutputSpec& spec, int64_t table_rows) {
  if (spec.has_share()) {
    // 0.29 of 100 rows are 29, though the product of the doubles is a little less.
    const auto row = [rows = static_cast<double>(table_rows)](double share) {
      const double exact = share * rows;
      const double whole = std::round(exact);
      return static_cast<int64_t>(
          std::abs(exact - whole) <= 1e-9 + 1e-15 * rows ? whole : std::floor(exact));
    };
    return {row(spec.share().from()), spec.share().has_to() ? row(spec.share().to()) : table_rows};
  }
  if (spec.has_rows()) {
    return {spec.rows().from(), spec.rows().has_to() ? spec.rows().to() : table_rows};
  }
  return {0, table_rows};
}

}  // namespace

OutputRequest::OutputRequest(const v1::RunSpec& run, int index, const Catalogue& catalogue,
                             const Environment& environment, int64_t now, Problems* problems)
    : run_(run),
      spec_(run.outputs(index)),
      field_(fmt::format("outputs[{}]", index)),
      environment_(environment),
      now_(now) {
  const auto find = [&](Role role, const v1::Component& spec, OptionValues* options) {
    const std::string field = fmt::format("{}.{}", field_, RoleName(role));
    const auto found = catalogue.Find(role, spec.component());
    if (!found.ok()) {
      problems->push_back({field + ".component", MessageOf(found.status())});
      return static_cast<const Component*>(nullptr);
    }
    *options = OptionValues::Parse(**found, OptionsOf(spec), field, now, problems,
                                   environment_.source_roots);
    return *found;
  };
  format_ = find(Role::kFormat, spec_.format(), &format_options_);
  sink_ = find(Role::kSink, spec_.sink(), &sink_options_);
  if (format_ == nullptr || sink_ == nullptr) return;
  destination_ = sink_options_.place();
  const auto named = std::find_if(
      sink_->options.begin(), sink_->options.end(),
      [](const throng_option& option) { return (option.flags & THRONG_OPTION_IDENTITY) != 0; });
  is_path_ = named != sink_->options.end() && (named->flags & THRONG_OPTION_PATH) != 0;
  if (is_path_) {
    destination_ = PlacedOptions::OfSlice(destination_, run_.slice());
  }
  CheckRoots(first_part(), problems);
  CheckParts(problems);
  const uint32_t common = format_->format.modes & sink_->sink.modes;
  mode_ = (common & THRONG_RECORDS_STREAM) != 0 ? THRONG_RECORDS_STREAM : THRONG_RECORDS_MESSAGES;
  if (common == 0) {
    problems->push_back(
        {field_, fmt::format("the format `{}` makes {} and the sink `{}` takes {}; choose another.",
                             format_->name, ModeName(format_->format.modes), sink_->name,
                             ModeName(sink_->sink.modes))});
  }
}

void OutputRequest::CheckRoots(int64_t part, Problems* problems) const {
  if (environment_.output_roots.empty()) return;
  const auto check = [&](const Component& component, const OptionValues& given) {
    const PlacedOptions placed(component, given, run_.slice(), part);
    PlacedOptions::VisitPaths(
        component, placed.values(), [&](const throng_option& option, std::string_view path) {
          if (LiesBelow(std::string(path), environment_.output_roots)) return;
          problems->push_back(
              {fmt::format("{}.{}.options.{}", field_, RoleName(component.role), option.name),
               fmt::format(
                   "{} lies outside the output roots ({}); choose a path below one of them.", path,
                   fmt::join(environment_.output_roots, ", "))});
        });
  };
  check(*format_, format_options_);
  check(*sink_, sink_options_);
}

void OutputRequest::CheckParts(Problems* problems) const {
  const auto& options = sink_->options;
  const auto named = std::find_if(options.begin(), options.end(), [](const throng_option& option) {
    return (option.flags & THRONG_OPTION_PATH) != 0;
  });
  const bool writes_files = named != options.end();
  if (IsRolled() && !writes_files) {
    problems->push_back({field_ + ".roll_rows",
                         fmt::format("Only files are rolled into parts, and the sink `{}` writes "
                                     "none; leave this out.",
                                     sink_->name)});
  }
  if (!IsRolled() && writes_files && HasInteractions() && !run_.dataset().has_interactions()) {
    problems->push_back({field_ + ".roll_rows",
                         "The dataset has no end, and a file would never be finished; say after "
                         "how many rows the next one begins and put {part} into the path, or set "
                         "dataset.interactions."});
  }
  const auto check = [&](const Component& component, const OptionValues& given) {
    PlacedOptions::VisitPaths(
        component, given.values(), [&](const throng_option& option, std::string_view path) {
          const bool has_part = path.find(kPartPlaceholder) != std::string_view::npos;
          // Further paths may be the same for all parts.
          if (has_part == IsRolled() || (!has_part && &option != &*named)) return;
          problems->push_back(
              {fmt::format("{}.{}.options.{}", field_, RoleName(component.role), option.name),
               has_part
                   ? "{part} stands for the number of a part, and this output has none; set "
                     "roll_rows beside the sink, or take {part} out."
                   : "Each part needs a name of its own; put {part} into it, as rows-{part}.csv."});
        });
  };
  check(*format_, format_options_);
  check(*sink_, sink_options_);
}

void OutputRequest::Adopt(const Plan& plan) {
  plan_ = &plan;
  table_ = std::make_unique<Table>(spec_, plan);
  const auto [from, to] = RangeOf(spec_, table_->rows());
  slice_.emplace(table_->IsInteractions()
                     ? Slice(from, to, run_.slice(), plan.stride()).Below(plan.end())
                     : Slice(from, to));
}

Slice OutputRequest::PartSlice(int64_t part) const {
  return part < 0 ? *slice_ : slice_->Part(part, spec_.roll_rows());
}

void OutputRequest::Configure(const Plan& plan, Problems* problems) {
  const size_t problems_before = problems->size();
  Table::Check(spec_, plan, field_, problems);
  if (spec_.has_rows() && spec_.rows().from() >= plan.end()) {
    problems->push_back({field_ + ".rows.from",
                         fmt::format("Must lie between 0 and {}, the last row with an event time "
                                     "before the year 10000, found {}.",
                                     plan.end() - 1, spec_.rows().from())});
  }
  if (problems->size() > problems_before) return;
  Adopt(plan);
  if (mode_ == THRONG_RECORDS_MESSAGES && table_->key_column() < 0) {
    problems->push_back({field_ + ".key", fmt::format("\"{}\" is not among the output's columns; "
                                                      "add it to them or name another key.",
                                                      spec_.key())});
  }

  const bool has_bounds =
      run_.slice().count() > 1 && run_.slice().mode() != v1::SLICE_MODE_INTERLEAVED;
  bound_ = spec_.has_share() ? BoundTo::kShare : has_bounds ? BoundTo::kSlice : BoundTo::kNothing;
  if (mode_ == THRONG_RECORDS_STREAM) {
    Encoding encoding = EncodingOf(first_part(), now_, "");
    const auto begun = BeginFormat(encoding, &encoding.prologue);
    if (!begun.ok()) return AddFormatProblem(begun.status(), problems);
    if (encoding.destination.rows >= 0) ++encoding.destination.rows;
    if (encoding.destination.interactions >= 0) ++encoding.destination.interactions;
    Format::Prologue of_larger;
    const bool begins_otherwise =
        !BeginFormat(encoding, &of_larger).ok() || of_larger.bytes != encoding.prologue.bytes;
    if (begins_otherwise && bound_ == BoundTo::kNothing) bound_ = BoundTo::kPrologue;
  } else if (problems->size() == problems_before) {
    CheckMessages(problems);
  }
  identity_ = IdentityOf(table_->rows());
}

void OutputRequest::CheckMessages(Problems* problems) const {
  const std::atomic<bool> is_stopping = true;
  Environment offline = environment_;
  offline.is_stopping = &is_stopping;
  offline.log = nullptr;
  Encoding encoding = EncodingOf(-1, now_, "");
  encoding.environment = &offline;
  const absl::Status status = BeginFormat(encoding, &encoding.prologue).status();
  if (absl::IsInvalidArgument(status)) AddFormatProblem(status, problems);
}

void OutputRequest::AddFormatProblem(const absl::Status& status, Problems* problems) const {
  const std::string option = OptionOf(status);
  problems->push_back(
      {field_ + ".format" + (option.empty() ? "" : ".options." + option), MessageOf(status)});
}

std::optional<std::string> OutputRequest::WhyItCannotGrow(const std::string& identity,
                                                          int64_t interactions) const {
  const bool depends_on_size = HasInteractions() && bound_ != BoundTo::kNothing;
  if (!depends_on_size || identity != IdentityOf(interactions)) return std::nullopt;
  switch (bound_) {
    case BoundTo::kShare:
      return "a share of them begins and ends at other rows when there are more; give `rows` "
             "instead of `share`";
    case BoundTo::kSlice:
      return "a contiguous slice of them begins and ends at other rows when there are more; set "
             "slice.mode to interleaved";
    default:
      return fmt::format(
          "what the format `{}` writes first here says how many they are; take one that does not, "
          "as JSON lines (layout: lines), CSV or Avro",
          format_->name);
  }
}

std::string OutputRequest::IdentityOf(int64_t interactions) const {
  Digest digest;
  digest.AddField("throng output 1").AddField(plan_->identity());
  digest.AddField(fmt::format("table {} from {} to {}", table_->schema().table, spec_.rows().from(),
                              spec_.rows().has_to() ? spec_.rows().to() : -1));
  if (spec_.has_share()) {
    digest.AddField(fmt::format("share from {} to {}", spec_.share().from(),
                                spec_.share().has_to() ? spec_.share().to() : 1));
  }
  for (const v1::Column& column : spec_.columns()) {
    digest.AddField(column.column()).AddField(column.name());
  }
  if (mode_ == THRONG_RECORDS_MESSAGES) digest.AddField(spec_.key());
  if (run_.slice().count() > 1) {
    digest.AddField(fmt::format("slice {} of {} mode {}", run_.slice().index(),
                                run_.slice().count(), static_cast<int>(run_.slice().mode())));
    const bool is_interleaved = run_.slice().mode() == v1::SLICE_MODE_INTERLEAVED;
    if (is_interleaved && plan_->stride() != Slice::kStride) {
      digest.AddField(fmt::format("stride {}", plan_->stride()));
    }
  }
  if (IsRolled()) digest.AddField(fmt::format("roll_rows {}", spec_.roll_rows()));
  AddForm(&digest);
  if (bound_ != BoundTo::kNothing) digest.AddField(std::to_string(interactions));
  return digest.Hex();
}

void OutputRequest::AddForm(Digest* digest) const {
  digest->AddField(format_->name).AddField(format_options_.Canonical(true));
  digest->AddField(sink_->name).AddField(sink_options_.Canonical(true));
}

throng_destination OutputRequest::Destination(const Slice& rows, int64_t created_ms,
                                              std::string_view format_state) const {
  const v1::DatasetSpec& dataset = plan_->spec();
  throng_destination d{};
  d.struct_size = sizeof d;
  d.mode = mode_;
  d.schema = &table_->schema();
  d.key_column = table_->key_column();
  d.slice_mode = run_.slice().mode() == v1::SLICE_MODE_INTERLEAVED ? THRONG_SLICE_INTERLEAVED
                                                                   : THRONG_SLICE_CONTIGUOUS;
  // A side table is whole, whatever slice it is written with, and so is the file of a part.
  const bool is_whole = !table_->IsInteractions() || IsRolled();
  d.slice_index = is_whole ? 0 : run_.slice().index();
  d.slice_count = is_whole ? 1 : std::max(1, run_.slice().count());
  d.name = sink_options_.place().c_str();
  d.fingerprint = {plan_->fingerprint().data(), plan_->fingerprint().size()};
  d.created = created_ms;
  d.users = dataset.world().users();
  d.items = dataset.world().items();
  d.interactions = dataset.has_interactions() ? dataset.interactions() : -1;
  d.first_row = rows.first();
  d.rows = rows.IsEndless() ? -1 : rows.RowsBelow(rows.end());
  d.state = {format_state.data(), format_state.size()};
  return d;
}

Encoding OutputRequest::EncodingOf(int64_t part, int64_t created_ms,
                                   std::string_view format_state) const {
  Encoding encoding;
  encoding.format = format_;
  encoding.options = FormatOptions(part);
  encoding.environment = &environment_;
  encoding.table = table_.get();
  encoding.destination = Destination(PartSlice(part), created_ms, format_state);
  return encoding;
}

absl::StatusOr<std::shared_ptr<Sink>> OutputRequest::MakeSink(
    int64_t part, const Environment& environment) const {
  Problems problems;
  CheckRoots(part, &problems);  // a link may have come in between since the paths were checked
  if (!problems.empty()) return absl::PermissionDeniedError(problems.front().message);
  const auto options = std::make_shared<PlacedOptions>(*sink_, sink_options_, run_.slice(), part);
  auto sink = Sink::Create(*sink_, environment, options->values());
  if (!sink.ok()) return sink.status();
  // Its options live as long as it does.
  return std::shared_ptr<Sink>((*sink).release(), [options](Sink* made) { delete made; });
}

v1::OutputSpec OutputRequest::ResolvedSpec() const {
  v1::OutputSpec spec = spec_;
  const auto resolve = [](const OptionValues& values, v1::Component* component) {
    component->clear_options();
    for (const auto& [name, text] : values.resolved()) (*component->mutable_options())[name] = text;
  };
  resolve(format_options_, spec.mutable_format());
  resolve(sink_options_, spec.mutable_sink());
  return spec;
}

}  // namespace throng
